#!/usr/bin/python3
"""Compare our schema tables with python3-jsonschema on made and spoiled messages of every kind.

usage: ocpp_mutate.py SCHEMA_DIR CHECKER [ROUNDS [SEED]]

For each schema: messages are made at random from it, and copies are spoiled in one place. Both validators must
agree on each, right or wrong. Prints the count; exit code 1 with the first differences where they don't agree.
"""
import copy
import json
import pathlib
import random
import subprocess
import sys

import jsonschema

TIME = "2026-11-22T10:00:00Z"


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def make(schema, root, rng, depth=0):
    """A value that the schema allows."""
    schema = resolve(schema, root)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return {k: make(v, root, rng, depth + 1) for k, v in schema.get("properties", {}).items()
                if k in schema.get("required", []) or rng.random() < 0.6 / (depth + 1)}
    if kind == "array":
        most = min(schema.get("maxItems", 3), schema.get("minItems", 0) + 2)
        return [make(schema["items"], root, rng, depth + 1) for _ in range(rng.randint(schema.get("minItems", 0), most))]
    if kind == "string":
        if schema.get("format") == "date-time":
            return TIME
        return "ä" * rng.choice([0, 1, min(schema.get("maxLength", 9), 20000)])
    if kind == "integer":
        return rng.randint(int(schema.get("minimum", -5)), int(schema.get("maximum", 1000)))
    if kind == "number":
        return rng.uniform(schema.get("minimum", -5), schema.get("maximum", 1000))
    if kind == "boolean":
        return rng.random() < 0.5
    return rng.choice([1, "x", None, [1], {"a": {}}])


def places(value, schema, root, out, path=()):
    """Every place of a value, with what the schema says of it."""
    schema = resolve(schema, root)
    out.append((path, schema))
    if isinstance(value, dict):
        for k, v in value.items():
            places(v, schema.get("properties", {}).get(k, {}), root, out, path + (k,))
    elif isinstance(value, list) and "items" in schema:
        for i, v in enumerate(value):
            places(v, schema["items"], root, out, path + (i,))


def spoil(value, schema, root, rng):
    """A copy that differs in one place; it may still be right."""
    value = copy.deepcopy(value)
    all_places = []
    places(value, schema, root, all_places)
    path, here = rng.choice(all_places)
    if not path:
        value["unheardOf"] = 1
        return value
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    old = parent[path[-1]]
    changes = [None, 1.5, -1, 1e9, True, "", "x" * (here.get("maxLength", 60) + 1), [], {}, [old], {"unheardOf": 1}]
    if isinstance(old, dict):
        changes.append({**old, "unheardOf": 1})
    if isinstance(old, list) and old:
        changes.append(old * (here.get("maxItems", 1) + 1))
    if isinstance(parent, dict) and rng.random() < 0.3:
        del parent[path[-1]]
    else:
        parent[path[-1]] = rng.choice(changes)
    return value


def cases(directory, rounds, rng):
    for path in sorted(directory.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
        validator = jsonschema.Draft6Validator(schema)
        side = "request" if path.stem.endswith("Request") else "response"
        action = path.stem[: -len(side)]
        for _ in range(rounds):
            good = make(schema, schema, rng)
            yield action, side, good, validator
            for _ in range(4):
                yield action, side, spoil(good, schema, schema, rng), validator


def main():
    directory, checker = pathlib.Path(sys.argv[1]), sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    tried = list(cases(directory, rounds, random.Random(seed)))
    text = "".join(f"{a} {s} {json.dumps(v)}\n" for a, s, v, _ in tried)
    answers = subprocess.run([checker], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    wrong, refused = 0, 0
    for (action, side, value, validator), answer in zip(tried, answers, strict=True):
        right = validator.is_valid(value)
        refused += not right
        if right == answer.startswith("ok"):
            continue
        # jsonschema judges times only with a further package
        if right and "date-time" in json.dumps(validator.schema) and answer.startswith("PropertyConstraint"):
            continue
        wrong += 1
        if wrong < 5:
            errors = [e.message for e in validator.iter_errors(value)]
            print(f"{action} {side}: ours {answer!r}, jsonschema {errors[:2]}: {json.dumps(value)[:300]}")
    print(f"{len(tried)} messages of {len(list(directory.glob('*.json')))} schemas, {refused} of them wrong, "
          f"{wrong} differences (seed {seed})")
    sys.exit(1 if wrong else 0)


main()
