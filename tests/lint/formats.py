# SPDX-License-Identifier: Apache-2.0
"""The byte tables of a format's document and the list of fields that the codec is made of say the same.
usage: formats.py FIELDS.h... DOCUMENT.md

The list: X(KIND, field, offset, size), offset and size numbers or enum constants of the same file. The document:
rows `| offset | size | field | ...`, the field's name as in the list, in backquotes; other rows (zeros,
reserved, the order of sectors) have none there."""

import re
import sys


def number(text, constants):
    return constants[text] if text in constants else int(text, 0)


def fields(text):
    constants = {name: int(value, 0) for name, value in re.findall(r'\b([A-Z][A-Z0-9_]*) = (\w+),', text)
                 if re.fullmatch(r'\d+|0x[0-9a-f]+', value)}
    for _, field, offset, size in re.findall(r'\bX\((\w+), (\w+), (\w+), (\w+)\)', text):
        if field != 'field':
            yield number(offset, constants), number(size, constants), field


def rows(text):
    for offset, size, field in re.findall(r'^\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*`([a-z][a-z0-9_]*)`\s*\|', text,
                                          re.MULTILINE):
        yield int(offset), int(size), field


def main(headers, document):
    code = set()
    empty = False
    for header in headers:
        with open(header, encoding='utf-8') as file:
            of_header = set(fields(file.read()))
        if not of_header:
            print('%s: no fields found' % header)
            empty = True
        code |= of_header
    with open(document, encoding='utf-8') as file:
        told = set(rows(file.read()))
    for offset, size, field in sorted(code - told):
        print('%s: no row | %d | %d | %s | as in %s' % (document, offset, size, field, ' '.join(headers)))
    for offset, size, field in sorted(told - code):
        print('%s: row | %d | %d | %s | is not in %s' % (document, offset, size, field, ' '.join(headers)))
    return 0 if not empty and code == told else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:-1], sys.argv[-1]))
