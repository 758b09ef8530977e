#!/usr/bin/python3
"""usage: exi-vectors.py EVSE-EXI VECTOR-FOLDER

Runs every vector of a folder through evse-exi, both ways: decode has to give the vector's message and json, encode its
octets, and what is marked as an error has to be refused. Prints what differs, and the counts.
"""
import glob
import json
import os
import subprocess
import sys

LIMIT = 2**53


def exact(value):
    """Integers that a double can't hold stand as strings on evse-exi's lines."""
    if isinstance(value, dict):
        return {k: exact(v) for k, v in value.items()}
    if isinstance(value, list):
        return [exact(v) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LIMIT:
        return str(value)
    return value


def load(folder):
    vectors = []
    for pattern in ('*.json', '*/*.json'):
        for path in sorted(glob.glob(os.path.join(folder, pattern))):
            with open(path, encoding='utf-8') as file:
                vectors += [v for v in json.load(file)['vectors'] if 'exi' in v]
    return vectors


def run(tool, command, lines):
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    out = subprocess.run([tool, command], input=text, capture_output=True, text=True, check=False).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    if len(answers) != len(lines):
        sys.exit(f'{command}: {len(lines)} lines in, {len(answers)} out')
    return answers


def check_decode(tool, vectors):
    """(decoded, refused, bad)"""
    asked = [{k: v[k] for k in ('schema', 'kind', 'exi') if k in v} for v in vectors]
    for line in asked:
        if line['schema'] == 'any':
            line['schema'] = 'iso15118-2'
    decoded = refused = bad = 0
    for vector, answer in zip(vectors, run(tool, 'decode', asked)):
        if vector.get('expect') == 'error' and 'error' in answer:
            refused += 1
        elif answer.get('message') == vector['message'] and answer.get('json') == exact(vector.get('json')):
            decoded += 1
        else:
            bad += 1
            print(f"{vector.get('id')} {vector['message']}: decoded to {answer.get('error', answer.get('json'))}")
    return decoded, refused, bad


def check_encode(tool, vectors):
    """(encoded, bad). A car's own padding is not made again; its vector says so."""
    asked = [{**{k: v[k] for k in ('schema', 'kind', 'message') if k in v}, 'json': exact(v['json'])} for v in vectors]
    encoded = bad = 0
    for vector, answer in zip(vectors, run(tool, 'encode', asked)):
        padded = vector.get('check', {}).get('exificient') == 'decodes; re-encodes differently'
        if answer.get('exi') == vector['exi'] or padded and answer.get('exi', '') + '00' == vector['exi']:
            encoded += 1
        else:
            bad += 1
            print(f"{vector.get('id')} {vector['message']}: encoded to {answer.get('error', answer.get('exi'))}")
    return encoded, bad


def main():
    tool, folder = sys.argv[1:]
    vectors = load(folder)
    decoded, refused, bad = check_decode(tool, vectors)
    encoded, more = check_encode(tool, [v for v in vectors if 'expect' not in v])
    bad += more
    print(f'{len(vectors)} vectors: {decoded} decoded, {encoded} encoded, {refused} refused, {bad} bad')
    sys.exit(1 if bad or not vectors else 0)


main()
