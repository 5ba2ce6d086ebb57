# SPDX-License-Identifier: Apache-2.0
"""How the demo tells what happens: steps, lines with times, and expectations that are counted."""

import os
import sys

COLOURS = {'demo': '36', 'alpha': '33', 'beta': '35', 'gamma': '32', 'disk': '34', 'held': '32', 'FAILED': '1;31'}


class Story:
    steps = passed = failed = 0  # of all stories together

    def __init__(self, rig):
        self.rig = rig
        self.colours = sys.stdout.isatty() and 'NO_COLOR' not in os.environ

    def paint(self, who, text):
        return '\033[%sm%s\033[0m' % (COLOURS[who], text) if self.colours and who in COLOURS else text

    def step(self, title):
        Story.steps += 1
        title = '%d. %s' % (Story.steps, title)
        print('\n' + ('\033[1m%s\033[0m' % title if self.colours else title), flush=True)

    def tell(self, who, text, at=None):
        at = self.rig.now() if at is None else at
        print('%9.1f  %s %s' % (at, self.paint(who, '%-6s' % who), text), flush=True)

    def hold(self, what, good):
        """A bound or an expectation: counted."""
        word = 'held' if good else 'FAILED'
        Story.passed, Story.failed = Story.passed + bool(good), Story.failed + (not good)
        print('%9s  %s %s' % ('', self.paint(word, '%-6s' % word), what), flush=True)

    def bound(self, what, took_ms, limit_ms):
        self.hold('%s: %.1f ms, at most %.0f ms' % (what, took_ms, limit_ms), took_ms <= limit_ms)
