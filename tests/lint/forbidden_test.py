# SPDX-License-Identifier: Apache-2.0
"""Each forbidden construct is found in a sample, and what only looks like one is not."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = 'enum light { RED, GREEN };\n'
BAD = [
    ('src/drv/a.c', 'int f(void)\n{\n\treturn atoi("1");\n}\n', 'atoi'),
    ('src/drv/a.c', 'void f(void)\n{\n\tsleep (1);\n}\n', 'sleep'),
    ('src/core/a.c', 'void f(char *p)\n{\n\tstrncpy(p, "", 1);\n}\n', 'strncpy'),
    ('src/core/a.c', '#include <stdio.h>\n', 'stdio.h'),
    ('src/codec/a.c', '#include "core/node.h"\n', 'upward'),
    ('src/drv/a.c', '#include "quorumd/conf.h"\n', 'daemon'),
    ('src/drv/a.c', 'typedef struct foo foo;\n', 'typedef'),
    ('src/drv/a.c', 'struct s {\n\tunsigned a : 3;\n};\n', 'bit-field'),
    ('src/drv/a.c', 'void f(void)\n{\n#ifdef X\n#endif\n}\n', 'preprocessor'),
    ('src/drv/a.c', 'char *f(void)\n{\n\tstatic char b[3];\n\treturn b;\n}\n', 'static buffer'),
    ('src/drv/a.c', 'void f(void)\n{\nx:\n\tgoto x;\n}\n', 'backward'),
    ('src/drv/a.c', HEAD + 'int f(enum light l)\n{\n\tswitch (l) {\n\tcase RED:\n\t\treturn 1;\n\tdefault:\n'
     '\t\treturn 0;\n\t}\n}\n', 'default'),
    ('src/drv/a.c', '/* TO' + 'DO later */\n', 'without an issue'),
    ('src/drv/a.c', '/* a = b; */\n', 'commented-out'),
    ('src/drv/a.c', '// return x;\n', 'commented-out'),
]
GOOD = [
    ('src/drv/a.c', '/* sleep() is not used; nor is "atoi(" */\nconst char *s = "system(";\n'),
    ('src/drv/a.c', 'int f(struct t *x)\n{\n\tstatic_assert(1, "");\n\treturn x->time(1) + my_time(2);\n}\n'),
    ('src/drv/a.c', 'typedef int (*callback)(int a,\n\tint b);\ntypedef void plain(int);\n'),
    ('src/drv/a.c', 'int f(int c)\n{\n\tswitch (c) {\n\tcase \'{\':\n\t\treturn 1;\n\tdefault:\n\t\treturn 0;\n'
     '\t}\n}\n'),
    ('src/drv/a.c', '#ifdef A\n#define B 1\n#endif\nvoid f(void)\n{\n}\n'),
    ('src/drv/a.c', '/* The lease ends first; the disk is asked again after that;\n * then it goes on. */\n'),
    ('src/drv/a.c', '/* Only a = b; of the two is looked at */\n'),
    ('src/core/a.c', '#include <string.h>\nvoid f(void *p)\n{\n\tmemset(p, 0, 1);\n\tstrike(p);\n}\n'),
    ('src/base/assert_abort.c', '#include <stdio.h>\n'),
    ('src/codec/a.c', '#include "core/msg.h"\n'),
    ('src/drv/a.c', 'char *f(char *to)\n{\n\tstatic const char d[] = "x";\n\tgoto end;\nend:\n\treturn to;\n}\n'),
]


def lint(path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)))
        with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
            file.write(text)
        return subprocess.run([sys.executable, os.path.join(HERE, 'forbidden.py'), path], cwd=root,
                              capture_output=True, text=True, check=False).stdout


def main():
    status = 0
    for path, text, word in BAD:
        if word not in lint(path, text):
            print('not found: %s in\n%s' % (word, text))
            status = 1
    for path, text in GOOD:
        found = lint(path, text)
        if found:
            print('false alarm: %sin\n%s' % (found, text))
            status = 1
    return status


if __name__ == '__main__':
    sys.exit(main())
