"""Reads a set of XML Schema files into a small object model.

Only what the charging schemas use is understood; anything else stops the run with its name, so that a new
schema can't be half-read. Nothing is fetched: imports are looked up beside the importing file.
"""
import os
import xml.etree.ElementTree as ET

XS = '{http://www.w3.org/2001/XMLSchema}'
UNBOUNDED = -1

INT_RANGES = {
    'byte': (-2**7, 2**7 - 1), 'short': (-2**15, 2**15 - 1), 'int': (-2**31, 2**31 - 1),
    'long': (-2**63, 2**63 - 1), 'unsignedByte': (0, 2**8 - 1), 'unsignedShort': (0, 2**16 - 1),
    'unsignedInt': (0, 2**32 - 1), 'unsignedLong': (0, 2**64 - 1), 'integer': (None, None),
}
STRINGS = {'string', 'anyURI', 'ID', 'IDREF'}
BINARIES = {'hexBinary': 'hex', 'base64Binary': 'base64'}


class Simple:
    """A simple type: kind is bool, int, enum, str, hex or base64; facets are None where open."""

    def __init__(self, kind, name=None):
        self.kind, self.name = kind, name
        self.low = self.high = self.min_len = self.max_len = None
        self.values = []

    def copy(self, name):
        other = Simple(self.kind, name)
        other.__dict__.update(self.__dict__, name=name, values=list(self.values))
        return other


class Element:
    """An element declaration; type is a Simple or a Complex."""

    def __init__(self, ns, name, type_, abstract):
        self.ns, self.name, self.type, self.abstract = ns, name, type_, abstract


class Particle:
    """kind is element, any, sequence or choice; choice_of names the head of a substitution group."""

    def __init__(self, kind, low, high, element=None, parts=(), choice_of=None):
        self.kind, self.low, self.high = kind, low, high
        self.element, self.parts, self.choice_of = element, list(parts), choice_of


class Complex:
    """A complex type: attributes [(ns, name, Simple, required)], then content as Simple or Particle or None."""

    def __init__(self, ns, name):
        self.ns, self.name = ns, name
        self.attributes, self.content = [], None
        self.mixed = self.abstract = False
        self.bases = []


class SchemaSet:
    def __init__(self, folder, main):
        self.folder = folder
        self.documents = {}
        self.globals = {}  # (kind, ns, name) -> (node, document)
        self.elements, self.types, self.groups = {}, {}, {}
        self.locals = []
        self.main_ns = self._load(os.path.join(folder, main))
        for (kind, ns, name), (node, _) in self.globals.items():
            if kind == 'element' and node.get('substitutionGroup'):
                head = self._qname(node.get('substitutionGroup'), self.globals[kind, ns, name][1])
                self.groups.setdefault(head, []).append((ns, name))
        for kind, ns, name in list(self.globals):
            if kind == 'element':
                self.element(ns, name)
            elif kind == 'complexType':
                self.complex(ns, name)

    def _load(self, path):
        path = os.path.normpath(path)
        if path in self.documents:
            return self.documents[path]['ns']
        prefixes = {}
        for _, (prefix, uri) in ET.iterparse(path, events=('start-ns',)):
            prefixes.setdefault(prefix, uri)
        root = ET.parse(path).getroot()
        doc = {'ns': root.get('targetNamespace'), 'prefixes': prefixes,
               'elements': root.get('elementFormDefault') == 'qualified',
               'attributes': root.get('attributeFormDefault') == 'qualified'}
        self.documents[path] = doc
        for node in root:
            tag = node.tag.removeprefix(XS)
            if tag == 'import':
                self._load(os.path.join(os.path.dirname(path), node.get('schemaLocation')))
            elif tag in ('element', 'complexType', 'simpleType'):
                self.globals[tag, doc['ns'], node.get('name')] = (node, doc)
            elif tag != 'annotation':
                raise SystemExit(f'{path}: {tag} is not understood')
        return doc['ns']

    @staticmethod
    def _qname(text, doc):
        prefix, _, local = text.rpartition(':')
        return doc['prefixes'][prefix], local

    def element(self, ns, name):
        key = (ns, name)
        if key not in self.elements:
            node, doc = self.globals['element', ns, name]
            self.elements[key] = Element(ns, name, None, node.get('abstract') == 'true')
            self.elements[key].type = self._type_of(node, doc, name)
        return self.elements[key]

    def complex(self, ns, name):
        key = (ns, name)
        if key not in self.types:
            node, doc = self.globals['complexType', ns, name]
            self.types[key] = self._complex(node, doc, name)
        return self.types[key]

    def _type_of(self, node, doc, name):
        if node.get('type'):
            return self._named_type(*self._qname(node.get('type'), doc))
        for child in node:
            if child.tag == XS + 'complexType':
                return self._complex(child, doc, name)
            if child.tag == XS + 'simpleType':
                return self._simple(child, doc, name)
        raise SystemExit(f'{name}: no type')

    def _named_type(self, ns, name):
        if ns == XS[1:-1]:
            return self._builtin(name)
        if ('simpleType', ns, name) in self.globals:
            node, doc = self.globals['simpleType', ns, name]
            return self._simple(node, doc, name)
        return self.complex(ns, name)

    @staticmethod
    def _builtin(name):
        if name == 'boolean':
            return Simple('bool', name)
        if name in STRINGS:
            return Simple('str', name)
        if name in BINARIES:
            return Simple(BINARIES[name], name)
        if name in INT_RANGES:
            simple = Simple('int', name)
            simple.low, simple.high = INT_RANGES[name]
            return simple
        raise SystemExit(f'xs:{name} is not understood')

    def _simple(self, node, doc, name):
        restriction = node.find(XS + 'restriction')
        simple = self._named_type(*self._qname(restriction.get('base'), doc)).copy(name)
        simple.ns = doc['ns']
        values = []
        for facet in restriction:
            tag, value = facet.tag.removeprefix(XS), facet.get('value')
            if tag == 'enumeration':
                values.append(value)
            elif tag == 'minInclusive':
                simple.low = int(value)
            elif tag == 'maxInclusive':
                simple.high = int(value)
            elif tag in ('minLength', 'length', 'maxLength'):
                if tag != 'maxLength':
                    simple.min_len = int(value)
                if tag != 'minLength':
                    simple.max_len = int(value)
            else:
                raise SystemExit(f'{name}: facet {tag} is not understood')
        if values:
            simple.kind, simple.values = 'enum', values
        return simple

    def _complex(self, node, doc, name):
        out = Complex(doc['ns'], name)
        out.mixed = node.get('mixed') == 'true'
        out.abstract = node.get('abstract') == 'true'
        body = node
        wrap = node.find(XS + 'complexContent')
        if wrap is None:
            wrap = node.find(XS + 'simpleContent')
        if wrap is not None:
            body = wrap.find(XS + 'extension')
            base = self._named_type(*self._qname(body.get('base'), doc))
            if isinstance(base, Complex):
                out.bases = base.bases + [base.name]
                out.attributes = list(base.attributes)
                out.content = base.content
            else:
                out.content = base
        for child in body:
            tag = child.tag.removeprefix(XS)
            if tag == 'attribute':
                self._attribute(out, child, doc)
            elif tag in ('sequence', 'choice'):
                part = self._group(child, doc)
                parts = [p for p in (out.content, part) if p is not None]
                out.content = parts[0] if len(parts) == 1 else Particle('sequence', 1, 1, parts=parts)
            elif tag not in ('annotation', 'complexContent', 'simpleContent'):
                raise SystemExit(f'{name}: {tag} is not understood')
        return out

    def _attribute(self, out, node, doc):
        ns = doc['ns'] if doc['attributes'] else ''
        simple = self._named_type(*self._qname(node.get('type'), doc))
        out.attributes.append((ns, node.get('name'), simple, node.get('use') == 'required'))

    def _group(self, node, doc):
        parts = []
        for child in node:
            tag = child.tag.removeprefix(XS)
            low, high = self._occurs(child)
            if tag == 'element':
                parts.append(self._element_particle(child, doc, low, high))
            elif tag == 'any':
                parts.append(Particle('any', low, high))
            elif tag in ('sequence', 'choice'):
                parts.append(self._group(child, doc))
            elif tag != 'annotation':
                raise SystemExit(f'{tag} in a group is not understood')
        return Particle(node.tag.removeprefix(XS), *self._occurs(node), parts=parts)

    def _element_particle(self, node, doc, low, high):
        if node.get('ref') is None:
            ns = doc['ns'] if doc['elements'] else ''
            element = Element(ns, node.get('name'), self._type_of(node, doc, node.get('name')), False)
            self.locals.append(element)
            return Particle('element', low, high, element)
        head = self._qname(node.get('ref'), doc)
        members = self._members(head)
        if members == [head]:
            return Particle('element', low, high, self.element(*head))
        members.sort(key=lambda qname: (qname[1], qname[0]))
        parts = [Particle('element', 1, 1, self.element(*m)) for m in members]
        return Particle('choice', low, high, parts=parts, choice_of=head[1])

    def _members(self, head):
        found = [head]
        for member in self.groups.get(head, []):
            found += self._members(member)
        return found

    @staticmethod
    def _occurs(node):
        high = node.get('maxOccurs', '1')
        return int(node.get('minOccurs', '1')), UNBOUNDED if high == 'unbounded' else int(high)
