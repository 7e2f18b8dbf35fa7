#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the system call tables (C source and header) from calls.tab and numbers/*.tab.

gen.py TABLES_DIR OUT.c OUT.h    write the tables; an inconsistency is an error
gen.py TABLES_DIR --missing      list calls that have a number but no row, one a line
"""
import os
import re
import sys

ABIS = ['x86_64', 'i386', 'x32', 'aarch64', 'arm', 'riscv64', 'ppc64le', 's390x', 'loongarch64']
NR_BIT = {'x32': 0x40000000}
GROUPS = ['file', 'network', 'process', 'mount', 'privileged', 'modules', 'time', 'memory', 'ipc',
          'signal', 'desc', 'system', 'never']
KINDS = ['int', 'uint', 'long', 'ulong', 'u64', 's64', 'fd', 'dirfd', 'pid', 'uid', 'mode', 'dev',
         'flags', 'enum', 'lflags', 'signal', 'ptr', 'path', 'str', 'strv', 'buf', 'struct']
# What a C type means where calls.tab gives no kind, and its sign.
TYPES = {
    'int': ('int', 1), 's32': ('int', 1), 'key_t': ('int', 1), 'key_serial_t': ('int', 1),
    'clockid_t': ('int', 1), 'timer_t': ('int', 1), 'mqd_t': ('int', 1), 'rwf_t': ('int', 1),
    'unsigned': ('uint', 0), 'unsigned int': ('uint', 0), 'u32': ('uint', 0), 'qid_t': ('uint', 0),
    'enum landlock_rule_type': ('uint', 0),
    'long': ('long', 1), 'off_t': ('long', 1),
    'unsigned long': ('ulong', 0), 'size_t': ('ulong', 0), 'uintptr_t': ('ulong', 0),
    'aio_context_t': ('ulong', 0), 'old_sigset_t': ('ulong', 0),
    'u64': ('u64', 0), 'loff_t': ('s64', 1),
    'old_uid_t': ('uid', 0), 'old_gid_t': ('uid', 0),
    'pid_t': ('pid', 1), 'uid_t': ('uid', 0), 'gid_t': ('uid', 0), 'umode_t': ('mode', 0),
    'cap_user_header_t': ('ptr', 0), 'cap_user_data_t': ('ptr', 0), '__sighandler_t': ('ptr', 0),
}
NARROW = {'umode_t': 16, 'old_uid_t': 16, 'old_gid_t': 16}
ARG = re.compile(r'(?P<type>.*?[ *])(?P<name>\w+)(?:=(?P<alias>\w+))?'
                 r'(?: :(?P<kind>\w+)(?:\((?P<in>[^)]*)\))?)?$')


class Bad(Exception):
    pass


def read_numbers(path):
    rows = []
    for at, line in enumerate(open(path), 1):
        nr, name = line.split()
        rows.append((int(nr), name))
        if at > 1 and rows[-2][0] >= rows[-1][0]:
            raise Bad(f'{path}:{at}: not in ascending order')
    names = [name for _, name in rows]
    if len(set(names)) != len(names):
        raise Bad(f'{path}: a name stands twice')
    return rows


def parse_arg(text):
    m = ARG.match(text)
    if not m:
        raise Bad(f"argument '{text}': expected TYPE NAME[=ALIAS] [:KIND[(...)]]")
    ctype = m['type'].strip()
    plain = re.sub(r'\bconst\b', '', ctype).strip()
    plain = plain[2:] if plain in ('__u32', '__s32', '__u64') else plain
    kind, signed = TYPES.get(plain, (None, 0))
    if '*' in plain:
        kind, signed = 'ptr', 0
    kind = m['kind'] or kind
    if kind not in KINDS:
        raise Bad(f"argument '{text}': no such kind, or a type without one")
    if kind in ('fd', 'dirfd', 'signal', 'pid', 'int', 'long', 's64'):
        signed = 1
    inside = [x.strip() for x in (m['in'] or '').split(',')]
    const_set, aux = '', ''
    if kind == 'buf':
        aux = inside[0]
    else:
        const_set, aux = inside[0], inside[1] if len(inside) > 1 else ''
    if kind in ('flags', 'enum', 'lflags', 'struct') and not const_set:
        raise Bad(f"argument '{text}': kind {kind} needs a name in brackets")
    return {'name': m['name'], 'alias': m['alias'] or '', 'type': ctype, 'kind': kind,
            'set': const_set, 'aux': aux, 'signed': signed, 'bits': NARROW.get(plain, 0)}


def parse_row(line):
    fields = line.split('\t')
    if len(fields) not in (2, 3):
        raise Bad('expected NAME, GROUPS and ARGUMENTS, separated by one tab each')
    abis, _, name = fields[0].rpartition('/')
    groups = [] if fields[1] == '-' else fields[1].split()
    for g in groups:
        if g not in GROUPS:
            raise Bad(f"no group '{g}'")
    if 'never' in groups and len(groups) > 1:
        raise Bad("group 'never' goes with no other")
    args = [parse_arg(a) for a in fields[2].split('; ')] if len(fields) == 3 else []
    if len(args) > 6:
        raise Bad('more than six arguments')
    names = [a['name'] for a in args]
    for a in args:
        if a['aux'] and a['aux'] not in names:
            raise Bad(f"argument '{a['name']}': no argument '{a['aux']}' beside it")
        a['aux'] = names.index(a['aux']) if a['aux'] else 0
    for abi in abis.split(',') if abis else []:
        if abi not in ABIS:
            raise Bad(f"no ABI '{abi}'")
    return abis.split(',') if abis else [], name, groups, args


def read_calls(path):
    """{(abi or '', name): (name, groups, args)}"""
    calls = {}
    last = ''
    for at, line in enumerate(open(path), 1):
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        try:
            abis, name, groups, args = parse_row(line)
            if name < last:
                raise Bad(f"'{name}' is out of order after '{last}'")
            last = name
            for abi in abis or ['']:
                if (abi, name) in calls:
                    raise Bad(f"'{name}' stands twice")
                calls[abi, name] = (name, groups, args)
        except Bad as e:
            raise Bad(f'{path}:{at}: {e}') from None
    return calls


def c_string(s):
    return '"' + s.replace('\\', '\\\\').replace('"', '\\"') + '"' if s else 'NULL'


def c_arg(a):
    return ('{ %s, %s, %s, %s, ARG_%s, %d, %s, %d }' %
            (c_string(a['name']), c_string(a['alias']), c_string(a['type']), c_string(a['set']),
             a['kind'].upper(), a['aux'], 'true' if a['signed'] else 'false', a['bits']))


def emit_source(numbers, calls, header, out):
    lists, defs, index = {'': 'NULL'}, [], {}
    out.write('/* Generated by arch/tables/gen.py. */\n#include <stddef.h>\n\n'
              f'#include "arch/sysno.h"\n#include "{header}"\n\n')
    for key in sorted(calls):
        name, groups, args = calls[key]
        text = ', '.join(c_arg(a) for a in args)
        if text not in lists:
            lists[text] = f'args_{len(lists)}'
            out.write(f'static const struct syscall_arg {lists[text]}[] = {{ {text} }};\n')
        bits = ' | '.join('GROUP_' + g.upper() for g in groups) or 'GROUP_OTHER'
        index[key] = len(defs)
        defs.append(f'\t{{ "{name}", {bits}, {len(args)}, {lists[text]} }},\n')
    out.write('\nconst struct syscall_def syscall_defs[] = {\n' + ''.join(defs) + '};\n')
    for abi in ABIS:
        rows = numbers[abi]
        out.write(f'\nconst struct syscall_number syscall_numbers_{abi}[] = {{\n')
        for nr, name in rows:
            at = index.get((abi, name), index.get(('', name)))
            out.write(f'\t{{ {nr | NR_BIT.get(abi, 0):#x}, {at} }}, /* {name} */\n')
        out.write(f'}};\nconst uint16_t syscall_by_name_{abi}[] = {{\n')
        for i in sorted(range(len(rows)), key=lambda i: rows[i][1]):
            out.write(f'\t{i}, /* {rows[i][1]} */\n')
        out.write('};\n')


def emit_header(numbers, calls, out):
    out.write('/* Generated by arch/tables/gen.py. */\n#pragma once\n\n#include "arch/sysno.h"\n\n')
    for abi in ABIS:
        n = len(numbers[abi])
        out.write(f'#define SYSCALL_COUNT_{abi} {n}\n'
                  f'extern const struct syscall_number syscall_numbers_{abi}[{n}];\n'
                  f'extern const uint16_t syscall_by_name_{abi}[{n}];\n')
    # Rows without an ABI come first, in the order of their names: every name has exactly one.
    n_names = sum(1 for abi, _ in calls if not abi)
    out.write(f'#define SYSCALL_NAMES {n_names}\n'
              f'extern const struct syscall_def syscall_defs[{len(calls)}];\n')


def missing_rows(numbers, calls):
    return sorted({name for rows in numbers.values() for _, name in rows
                   if ('', name) not in calls})


def check_no_row_is_idle(numbers, calls):
    known = {(abi, name) for abi, rows in numbers.items() for _, name in rows}
    names = {name for _, name in known}
    for abi, name in calls:
        if abi and (abi, name) not in known:
            raise Bad(f"calls.tab: {abi} has no call '{name}'")
        if name not in names:
            raise Bad(f"calls.tab: no ABI has a call '{name}'")


def main(argv):
    tables = argv[1]
    numbers = {abi: read_numbers(os.path.join(tables, 'numbers', abi + '.tab')) for abi in ABIS}
    calls = read_calls(os.path.join(tables, 'calls.tab'))
    missing = missing_rows(numbers, calls)
    if argv[2] == '--missing':
        print(''.join(name + '\n' for name in missing), end='')
        return 0
    if missing:
        raise Bad('calls.tab has no row for: ' + ' '.join(missing))
    check_no_row_is_idle(numbers, calls)
    with open(argv[2], 'w') as out:
        emit_source(numbers, calls, 'arch/' + os.path.basename(argv[3]), out)
    with open(argv[3], 'w') as out:
        emit_header(numbers, calls, out)
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv))
    except Bad as e:
        sys.exit(f'gen.py: {e}')
