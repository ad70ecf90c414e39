"""Turns files into C arrays: embed.py OUTPUT INPUT... ; a.b/c-d.sql becomes c_d_sql."""
import pathlib
import re
import sys

output, *inputs = sys.argv[1:]
lines = ['#include "schema.h"']
for path in map(pathlib.Path, inputs):
    name = re.sub(r'\W', '_', path.name)
    # Numbers and not a string: C11 promises no more than 4095 characters of a literal.
    values = [str(byte) for byte in path.read_bytes()] + ['0']
    lines.append(f'const char {name}[] = {{')
    lines += ['\t' + ', '.join(values[i:i + 20]) + ',' for i in range(0, len(values), 20)]
    lines.append('};')
pathlib.Path(output).write_text('\n'.join(lines) + '\n')
