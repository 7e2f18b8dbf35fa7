/* SPDX-License-Identifier: Apache-2.0 */
/* The other entry of calls that socketcall and ipc multiplex. */
#include <string.h>

#include "arch/base/cleanup.h"
#include "specs/multiplex.h"

/* ipc has a version in its upper 16 bits (ipc/syscall.c:ksys_ipc). */
#define SOCKETCALL(number) "socketcall", "[call == " number "]"
#define IPC(number)	   "ipc", "[call & 0xffff == " number "]"

/* clang-format off */
static const struct {
	const char *name, *entry, *condition;
} rows[] = {
	{ "accept", SOCKETCALL("SYS_ACCEPT") },
	{ "accept4", SOCKETCALL("SYS_ACCEPT4") },
	{ "bind", SOCKETCALL("SYS_BIND") },
	{ "connect", SOCKETCALL("SYS_CONNECT") },
	{ "getpeername", SOCKETCALL("SYS_GETPEERNAME") },
	{ "getsockname", SOCKETCALL("SYS_GETSOCKNAME") },
	{ "getsockopt", SOCKETCALL("SYS_GETSOCKOPT") },
	{ "listen", SOCKETCALL("SYS_LISTEN") },
	{ "msgctl", IPC("MSGCTL") },
	{ "msgget", IPC("MSGGET") },
	{ "msgrcv", IPC("MSGRCV") },
	{ "msgsnd", IPC("MSGSND") },
	{ "recv", SOCKETCALL("SYS_RECV") },
	{ "recvfrom", SOCKETCALL("SYS_RECVFROM") },
	{ "recvmmsg", SOCKETCALL("SYS_RECVMMSG") },
	{ "recvmsg", SOCKETCALL("SYS_RECVMSG") },
	{ "semctl", IPC("SEMCTL") },
	{ "semget", IPC("SEMGET") },
	{ "semop", IPC("SEMOP") },
	{ "semtimedop", IPC("SEMTIMEDOP") },
	{ "send", SOCKETCALL("SYS_SEND") },
	{ "sendmmsg", SOCKETCALL("SYS_SENDMMSG") },
	{ "sendmsg", SOCKETCALL("SYS_SENDMSG") },
	{ "sendto", SOCKETCALL("SYS_SENDTO") },
	{ "setsockopt", SOCKETCALL("SYS_SETSOCKOPT") },
	{ "shmat", IPC("SHMAT") },
	{ "shmctl", IPC("SHMCTL") },
	{ "shmdt", IPC("SHMDT") },
	{ "shmget", IPC("SHMGET") },
	{ "shutdown", SOCKETCALL("SYS_SHUTDOWN") },
	{ "socket", SOCKETCALL("SYS_SOCKET") },
	{ "socketpair", SOCKETCALL("SYS_SOCKETPAIR") },
};
/* clang-format on */

/* On one of the ABIs that the item is for: those of this machine's kernel, unless it names one. */
static bool has_entry(const struct call_item *item, const char *entry)
{
	const struct abi *family[3];
	size_t n = abi_family(abi_native(), family);

	if (item->abi)
		return sysno_number(item->abi, entry) >= 0;
	for (size_t i = 0; i < n; i++)
		if (sysno_number(family[i], entry) >= 0)
			return true;
	return false;
}

bool multiplex_item(const struct call_item *item, enum action action, struct buf *ret_text)
{
	size_t i = 0;

	if (!item->name || (item->condition && action_rows[action].relation != RELATION_RESTRICT))
		return false;
	while (i < ARRAY_SIZE(rows) && strcmp(rows[i].name, item->name) != 0)
		i++;
	if (i == ARRAY_SIZE(rows) || !has_entry(item, rows[i].entry))
		return false;
	if (item->abi)
		buf_printf(ret_text, "%s/", item->abi->name);
	buf_printf(ret_text, "%s%s", rows[i].entry, rows[i].condition);
	if (item->errnum)
		buf_printf(ret_text, ":%d", item->errnum);
	return true;
}
