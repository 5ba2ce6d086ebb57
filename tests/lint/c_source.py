# SPDX-License-Identifier: Apache-2.0
"""What the lints need to know of a C file: its text without comments, strings and preprocessor lines, line by
line in its place, and where its functions begin and end. No parser: enough for code that clang-format wrote."""

import re

TOKEN = re.compile(
    r'/\*.*?\*/|//(?:\\\n|[^\n])*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text):
    """As long and with the same line ends, otherwise spaces."""
    return re.sub(r'[^\n]', ' ', text)


def split(text):
    """The code with comments and the insides of strings blanked, and the comments as (line number, text)."""
    comments = []

    def one(match):
        token = match.group(0)
        if token[0] == '/':
            comments.append((text.count('\n', 0, match.start()) + 1, token))
            return blank(token)
        return token[0] + blank(token[1:-1]) + token[-1]

    return TOKEN.sub(one, text), comments


def without_preprocessor(code):
    return re.sub(r'^[ \t]*#(?:\\\n|[^\n])*', lambda m: blank(m.group(0)), code, flags=re.MULTILINE)


def functions(code):
    """(name, line of the opening brace, line of the closing brace, body) for code without comments."""
    code = without_preprocessor(code)
    depth = 0
    start = None
    for match in re.finditer(r'[{}]', code):
        if match.group(0) == '{':
            if depth == 0:
                head = code[:match.start()].rstrip()
                name = function_name(head)
                start = (name, match.start()) if name else None
            depth += 1
        else:
            depth -= 1
            if depth == 0 and start:
                first = code.count('\n', 0, start[1]) + 1
                last = code.count('\n', 0, match.start()) + 1
                yield start[0], first, last, code[start[1]:match.start() + 1]
                start = None


def function_name(head):
    """The name in front of the last parenthesis group, if that is what the text ends with."""
    if not head.endswith(')'):
        return None
    depth = 0
    for index in range(len(head) - 1, -1, -1):
        if head[index] == ')':
            depth += 1
        elif head[index] == '(':
            depth -= 1
            if depth == 0:
                match = re.search(r'(\w+)\s*$', head[:index])
                return match.group(1) if match else None
    return None
