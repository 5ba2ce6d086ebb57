#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Never two owners: judged from what the services themselves wrote, and from nothing else. Every line has an instant of
CLOCK_BOOTTIME, which is one clock for all nodes of a test. usage: judge.py SERVICE.LOG

A service lives from the begin of its start script to the last line that it wrote itself; it writes one every 20 ms. No
two lives may have an instant in common. A machine that was asleep cannot know it before it wakes: what a service
writes in the first moments after that, before it is stopped, is counted apart, if those moments are told. So is what
comes from a machine between the instant at which its daemon said that it is reset, and its end: these have no watchdog,
and the test that stands in for it comes late."""

import sys

AWAKE_MS = 400  # after waking, with the machine as busy as a test makes it


class Life:
    def __init__(self, node, epoch, begin):
        self.node, self.epoch = node, epoch
        self.begin = self.last = begin

    def __str__(self):
        return '%s epoch %s %.1f to %.1f ms' % (self.node, self.epoch, self.begin, self.last)


def lines_of(path):
    """(ms, node, epoch, word), in the order of time."""
    found = []
    try:
        with open(path, encoding='utf-8') as f:
            for line in f:
                parts = line.split()
                if len(parts) == 4:
                    found.append((int(parts[0]) / 1000, parts[1], parts[2], parts[3]))
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda e: e[0])


def lives_of(lines, excuses=()):
    """(lives, lines that are excused). excuses: (node, ms, ms) of machines that could not know, or were to be reset."""
    lives, current, begun, excused = [], {}, {}, 0
    for at, node, epoch, word in lines:
        if word == 'start':
            begun[node, epoch] = at
        elif word == 'run':
            current[node, epoch] = Life(node, epoch, begun.get((node, epoch), at))
            lives.append(current[node, epoch])
        if word not in ('run', 'tick', 'end'):
            continue
        if any(node == who and since <= at <= end for who, since, end in excuses):
            excused += 1
        elif (node, epoch) in current:
            current[node, epoch].last = at
        else:
            lives.append(Life(node, epoch, at))  # it never said that it began
    return lives, excused


def overlaps(lives):
    ordered = sorted(lives, key=lambda life: life.begin)
    found = []
    for number, one in enumerate(ordered):
        for other in ordered[number + 1:]:
            if other.begin > one.last:
                continue
            found.append('two owners for %.1f ms: %s, and %s' %
                         (min(one.last, other.last) - other.begin, one, other))
    return found


def judge(path, excuses=()):
    """(what is wrong, lives, lines that are excused)."""
    lives, excused = lives_of(lines_of(path), excuses)
    return overlaps(lives), lives, excused


def main():
    wrong, lives, _ = judge(sys.argv[1])
    for text in wrong:
        print(text)
    print('%d lives, %d overlaps' % (len(lives), len(wrong)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
