"""Turns a complex type into the states and productions of its EXI grammar.

EXI 1.0, sections 8.5.4.1 (grammars), 8.5.4.2 (normalisation) and 8.5.4.3 (event codes), non-strict. The schemas
are deterministic, so a state is "the particle last matched": its productions are what may follow. A particle
with a finite maxOccurs keeps one looping state and a count instead of maxOccurs copies; the state after the
last permitted item ("full") is the looping state without the loop.
"""
from xsd import Complex, Simple, UNBOUNDED

EE, ANY, MIXED = 'EE', 'ANY', 'MIXED'


class Field:
    """One attribute, element or the simple content of a complex type."""

    def __init__(self, kind, name, type_, element=None):
        self.kind, self.name, self.type, self.element = kind, name, type_, element
        self.max = 1          # 0 = no bound
        self.required = False
        self.choice = None    # the Choice it belongs to
        self.which = 0        # its number in that choice, from 1


class Choice:
    def __init__(self, head, optional):
        self.head, self.optional, self.fields = head, optional, []


class Position:
    def __init__(self, field, order):
        self.field, self.order = field, order


class Grammar:
    """fields, choices and states; a state is [(event, next, full)] where event is a Field, EE, ANY or MIXED."""

    def __init__(self, type_):
        self.type = type_
        self.fields, self.choices, self.states = [], [], []
        self.opaque = False   # can't be one plain structure
        self._build()

    def _build(self):
        type_ = self.type
        self.follow, self.ids, self.positions = {}, {}, []
        attributes = [self._attribute(*a) for a in sorted(type_.attributes, key=lambda a: (a[1], a[0]))]
        stages = len(attributes)
        self.states = [None] * (stages + 1)
        if isinstance(type_.content, Simple):
            field = Field('content', 'value', type_.content)
            field.required = True
            self.fields.append(field)
            self.states[stages] = [(field, stages + 1, 0)]
            self.states.append([(EE, 0, 0)])
        else:
            first, last, nullable = set(), set(), True
            if type_.content is not None:
                first, last, nullable = self._particle(type_.content, False, True)
            self.last = last
            self.states[stages] = self._productions(first, nullable, stages)
        for i in reversed(range(stages)):
            field = attributes[i]
            self.states[i] = [(field, i + 1, 0)]
            if not field.required:
                self.states[i] += self.states[i + 1]

    def _attribute(self, _ns, name, simple, required):
        field = Field('attribute', name, simple)
        field.required = required
        self.fields.append(field)
        return field

    def _new_position(self, field):
        position = Position(field, len(self.positions))
        self.positions.append(position)
        self.follow[position] = set()
        return position

    def _field(self, element, high, in_loop):
        for field in self.fields:
            if field.kind == 'element' and field.name == element.name:
                self.opaque = True
                return field
        field = Field('element', element.name, element.type, element)
        field.max = 0 if in_loop or high == UNBOUNDED else high
        self.fields.append(field)
        return field

    def _particle(self, part, in_loop, required):
        """Returns the sets of first and last positions, and whether nothing at all also matches."""
        if part.kind in ('element', 'any'):
            return self._leaf(part, in_loop, required)
        loops = part.high == UNBOUNDED
        assert loops or part.high == 1, 'a counted group is not understood'
        required = required and part.low > 0
        if part.kind == 'sequence':
            out = self._sequence(part, in_loop or loops, required)
        else:
            out = self._choice(part, in_loop or loops, required)
        first, last, nullable = out
        if loops:
            for position in last:
                self.follow[position] |= first
        if not required and part.kind == 'sequence' and len(part.parts) > 1:
            self.opaque = True
        return first, last, nullable or part.low == 0

    def _leaf(self, part, in_loop, required):
        field = ANY if part.kind == 'any' else self._field(part.element, part.high, in_loop)
        if field is not ANY:
            field.required = required and part.low > 0 and not in_loop
        copies = max(part.low, 1)
        chain = []
        for i in range(copies):
            chain.append(self._new_position(field))
            if i:
                self.follow[chain[i - 1]].add(chain[i])
        if part.high != copies:
            self.follow[chain[-1]].add(chain[-1])
        return {chain[0]}, {chain[-1]}, part.low == 0

    def _sequence(self, part, in_loop, required):
        first, last, nullable = set(), set(), True
        for child in part.parts:
            f, l, n = self._particle(child, in_loop, required)
            for position in last:
                self.follow[position] |= f
            if nullable:
                first |= f
            last = last | l if n else l
            nullable = nullable and n
        return first, last, nullable

    def _choice(self, part, in_loop, required):
        first, last, nullable = set(), set(), False
        before = len(self.fields)
        choice = Choice(part.choice_of, not required)
        for child in part.parts:
            f, l, n = self._particle(child, in_loop, False)
            first |= f
            last |= l
            nullable = nullable or n
        members = self.fields[before:]
        simple = all(p.kind == 'element' and p.high == 1 for p in part.parts)
        if in_loop:
            self.opaque = self.opaque or len(members) > 1
        elif not simple:
            self.opaque = True
        else:
            choice.fields = members
            self.choices.append(choice)
            for number, field in enumerate(members, 1):
                field.choice, field.which = choice, number
        return first, last, nullable

    def _productions(self, positions, final, me):
        """The productions of a state that can go to these positions, or end; me is its number."""
        out, wild = [], False
        for position in sorted(positions, key=lambda p: p.order):
            if position.field is ANY:
                wild = True
                continue
            normal = self._state(position, False)
            counted = position.field.max > 1 and position in self.follow[position]
            full = self._state(position, True) if counted else 0
            out.append((position.field, normal, full))
        if wild:
            out.append((ANY, 0, 0))
        if final:
            out.append((EE, 0, 0))
        if self.type.mixed:
            out.append((MIXED, me, 0))
        return out

    def _state(self, position, full):
        key = (position, full)
        if key not in self.ids:
            self.ids[key] = len(self.states)
            self.states.append(None)
            targets = self.follow[position] - ({position} if full else set())
            number = self.ids[key]
            self.states[number] = self._productions(targets, position in self.last, number)
        return self.ids[key]


def bits_for(values):
    """Bits of an n-bit code for that many values (EXI 1.0, 7.1.9)."""
    return (values - 1).bit_length()


def is_complex(type_):
    return isinstance(type_, Complex)
