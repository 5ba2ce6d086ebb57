# SPDX-License-Identifier: Apache-2.0
"""The constructs that this project does without. Prints FILE:LINE: WHAT for each; FILE... on the command line."""

import re
import sys

import c_source

CALLS = ('time gettimeofday rand srand random sprintf vsprintf strcpy strcat strtok atoi atol alloca system popen '
         'signal sleep usleep assert').split()
CALL = re.compile(r'(?<![\w.>])(%s)\s*\(' % '|'.join(CALLS))
PURE = ('src/base/', 'src/codec/', 'src/core/')
IMPURE = ('src/base/assert_abort.c',)
PURE_HEADERS = set('stdbool.h stddef.h stdint.h stdalign.h stdnoreturn.h limits.h string.h nmmintrin.h'.split())
PURE_LIBC = re.compile(r'(?<![\w.>])(mem(?:chr|rchr|ccpy|pcpy|mem)|str(?:n?cpy|n?cat|n?cmp|n?len|n?dup|r?chr|str|'
                       r'spn|cspn|pbrk|tok|to\w+|error)|v?s?n?printf|malloc|calloc|realloc|free|abort|exit|'
                       r'qsort|bsearch|ffs|abs|labs)\s*\(')
# Who may include whom: the folder of the file, the folders it may name.
LAYERS = {
    'src/base/': ('base',),
    'src/codec/': ('base', 'codec'),
    'src/core/': ('base', 'codec', 'core'),
    'src/drv/': ('base', 'codec', 'core', 'drv'),
    'src/libquorumd/': ('base', 'libquorumd'),
}
# What is said and kept is a part of the core's language; codec makes bytes of it and calls nothing there (pure.sh).
WORDS = {'src/codec/': ('core/head.h', 'core/msg.h', 'core/witness_msg.h')}
FOLDERS = {'base', 'codec', 'core', 'drv', 'runner', 'api', 'libquorumd', 'witness', 'tools', 'sim', 'tests'}
OLD_CODE = re.compile(r'^\s*(?:[\w\[\]>.*-]+\s*[-+|&]?=[^=].*;|\w+\([^;]*\);|(?:if|for|while|switch)\s*\(.*[;{]|'
                      r'return\b[^;]*;|[{}])\s*$')


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def named_enumerators(texts):
    """Constants of enums with a name; those of nameless ones are limits, not states."""
    found = set()
    for text in texts:
        for match in re.finditer(r'\benum\s+\w+\s*\{([^}]*)\}', text):
            found.update(re.findall(r'(?:^|,)\s*(\w+)', match.group(1)))
    return found


def calls(path, code):
    for match in CALL.finditer(code):
        yield line_of(code, match.start()), '%s() is not used here' % match.group(1)
    if path.startswith(PURE) and path not in IMPURE:
        for match in PURE_LIBC.finditer(code):
            yield line_of(code, match.start()), 'pure code does not call %s()' % match.group(1)


def includes(path, text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)', text, re.MULTILINE):
        line, kind, name = line_of(text, match.start()), match.group(1), match.group(2)
        if path.startswith(PURE) and path not in IMPURE and kind == '<' and name not in PURE_HEADERS:
            yield line, 'pure code does not include <%s>' % name
        for folder, allowed in LAYERS.items():
            first = name.split('/')[0]
            if path.startswith(folder) and kind == '"' and first in FOLDERS and first not in allowed and \
                    name not in WORDS.get(folder, ()):
                yield line, '%s does not include upward: %s' % (folder, name)
            if path.startswith(folder) and kind == '"' and re.match(r'quorumd/(?!quorumd\.h|errors\.h)', name):
                yield line, '%s does not include the daemon: %s' % (folder, name)


def declarations(code):
    plain = c_source.without_preprocessor(code)
    for match in re.finditer(r'\btypedef\b([^;{]*)', plain):
        if not re.search(r'\)\s*$', match.group(1)):
            yield line_of(plain, match.start()), 'typedef is for function types only'
    for match in re.finditer(r'^\s*(?:unsigned|signed|int|bool|char|u?int\d+_t)(?:\s+\w+)*\s*:\s*\d+\s*;', plain,
                             re.MULTILINE):
        yield line_of(plain, match.end()), 'bit-field'


def in_functions(text, code):
    for name, first, last, body in c_source.functions(code):
        lines = code.split('\n')[first - 1:last]
        for offset, line in enumerate(lines):
            if re.match(r'\s*#\s*(if|ifdef|ifndef|else|elif)\b', line):
                yield first + offset, 'preprocessor condition inside %s()' % name
        for match in re.finditer(r'\bstatic\s+(?!const\b)[^;=()]*?(\w+)\s*\[[^;]*;', body):
            if re.search(r'\breturn\s+&?%s\b' % match.group(1), body):
                yield first + body.count('\n', 0, match.start()), 'static buffer %s is returned' % match.group(1)
        for match in re.finditer(r'\bgoto\s+(\w+)\s*;', body):
            if re.search(r'^\s*%s\s*:' % match.group(1), body[:match.start()], re.MULTILINE):
                yield first + body.count('\n', 0, match.start()), 'goto goes backward'


def switches(code, enumerators):
    """default in a switch one of whose cases is a constant of a named enum."""
    stack = []
    for match in re.finditer(r'[{}]|\bcase\s+(\w+)|\bdefault\s*:', code):
        token = match.group(0)
        if token == '{':
            before = code[:match.start()].rstrip()
            stack.append({'cases': [], 'default': None} if is_switch(before) else None)
        elif token == '}':
            top = stack.pop() if stack else None
            if top and top['default'] and any(c in enumerators for c in top['cases']):
                yield top['default'], 'default in a switch over an enum'
        else:
            inner = next((s for s in reversed(stack) if s is not None), None)
            if inner is None:
                continue
            if token.startswith('case'):
                inner['cases'].append(match.group(1))
            else:
                inner['default'] = line_of(code, match.start())


def is_switch(head):
    return c_source.function_name(head) == 'switch'


def comments(found):
    for line, text in found:
        if re.search(r'\b(?:TODO|FIXME|XXX)\b(?!.*#\d)', text):
            yield line, 'TODO without an issue'
        inside = re.sub(r'^/[/*]|\*/$', '', text)
        for offset, one in enumerate(inside.split('\n')):
            if OLD_CODE.match(re.sub(r'^\s*\* ', '', one)) and '`' not in one:
                yield line + offset, 'commented-out code'


def main(paths):
    sources = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        sources[path] = (text,) + c_source.split(text)
    enumerators = named_enumerators(code for _, code, _ in sources.values())
    status = 0
    for path, (text, code, found) in sources.items():
        body = c_source.without_preprocessor(code)
        for part in (calls(path, code), includes(path, text), declarations(code), in_functions(text, code),
                     switches(body, enumerators), comments(found)):
            for line, what in part:
                print('%s:%d: %s' % (path, line, what))
                status = 1
    return status


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
