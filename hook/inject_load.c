/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's seccomp interface looks like from the outside of the task that uses it. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "arch/base/cleanup.h"
#include "arch/mem.h"
#include "hook/inject_load.h"

/* struct sock_fprog of a 64-bit ABI, in the task's memory. */
struct remote_fprog {
	uint16_t len;
	uint16_t pad[3];
	uint64_t filter;
};

/* Address of the sock_fprog and flags of a load; 0: the call is none. */
static uint64_t load_address(const struct syscall_info *call, unsigned *ret_flags)
{
	if (call->nr == SYS_seccomp && (uint32_t)call->args[0] == SECCOMP_SET_MODE_FILTER) {
		*ret_flags = (unsigned)call->args[1];
		return call->args[2];
	}
	if (call->nr == SYS_prctl && (uint32_t)call->args[0] == PR_SET_SECCOMP &&
	    call->args[1] == SECCOMP_MODE_FILTER) {
		*ret_flags = 0;
		return call->args[2];
	}
	return 0;
}

int load_read(const struct task *task, const struct syscall_info *call, struct load *ret_load,
	      struct wl_err *err)
{
	_cleanup_free_ struct sock_filter *insns = NULL;
	struct mem mem = mem_of_task(task->pid);
	struct remote_fprog fprog;
	unsigned flags = 0;
	uint64_t address;
	int r;

	address = load_address(call, &flags);
	if (!address || mem_read(&mem, address, &fprog, sizeof(fprog)) < 0)
		return 0;
	if (fprog.len == 0 || fprog.len > BPF_MAXINSNS || !fprog.filter)
		return 0;
	insns = calloc(fprog.len, sizeof(*insns));
	if (!insns)
		return wl_err_set(err, -ENOMEM, "read init's seccomp program");
	if (mem_read(&mem, fprog.filter, insns, fprog.len * sizeof(*insns)) < 0)
		return 0;
	r = bpf_validate(insns, fprog.len, err);
	if (r < 0)
		return wl_err_prefix(err, r, "init's seccomp program");
	*ret_load = (struct load){
		.flags = flags,
		.prog = { .insns = TAKE_PTR(insns), .len = fprog.len },
	};
	return 1;
}

void load_done(struct load *load)
{
	free(load->prog.insns);
	*load = (struct load){ 0 };
}

/* The effective set that capset would leave: without CAP_SYS_ADMIN? */
static bool drops_sys_admin(const struct task *task, uint64_t data)
{
	struct mem mem = mem_of_task(task->pid);
	uint32_t effective;

	/* First word of the first struct __user_cap_data_struct, in every version of the interface. */
	return data && mem_read(&mem, data, &effective, sizeof(effective)) == 0 &&
	       !(effective >> CAP_SYS_ADMIN & 1);
}

bool load_is_last_chance(const struct task *task, const struct syscall_info *call)
{
	/* Which argument becomes the effective uid: leaving 0 clears the effective capabilities. */
	static const struct {
		uint64_t nr;
		unsigned euid;
	} set_uids[] = { { SYS_setuid, 0 }, { SYS_setreuid, 1 }, { SYS_setresuid, 1 } };
	struct task_status status;
	bool is_drop;

	if (call->nr == SYS_execve || call->nr == SYS_execveat)
		return true;
	is_drop = call->nr == SYS_capset && drops_sys_admin(task, call->args[1]);
	for (size_t i = 0; i < ARRAY_SIZE(set_uids); i++) {
		uint32_t uid = (uint32_t)call->args[set_uids[i].euid];

		is_drop |= call->nr == set_uids[i].nr && uid != 0 && uid != (uint32_t)-1;
	}
	return is_drop && task_read_status(task, &status) == 0 && !status.no_new_privs &&
	       status.has_sys_admin;
}

/* Room for the program in the task: the task's own buffers may be too small and its stack (Go) too. It is
 * left behind, since unmapping it would be one more call under the new filter: exec drops it. */
static int place_program(struct task *task, const struct regs *at, const struct bpf_prog *prog,
			 uint64_t *ret_address, struct wl_err *err)
{
	const size_t size = prog->len * sizeof(*prog->insns);
	const uint64_t args[SYSCALL_ARGS] = { 0,
					      sizeof(struct remote_fprog) + size,
					      PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS,
					      (uint64_t)-1,
					      0 };
	struct remote_fprog fprog = { .len = (uint16_t)prog->len };
	int64_t result = 0;
	uint64_t address;
	int r;

	r = task_call(task, at, SYS_mmap, args, -EBADF, &result);
	if (r == 0 && result < 0 && result >= -4095)
		r = (int)result;
	if (r < 0)
		return wl_err_set(err, r, "map memory in init for the merged filter");
	address = (uint64_t)result;
	fprog.filter = address + sizeof(fprog);
	r = mem_write(task->pid, address, &fprog, sizeof(fprog));
	if (r == 0)
		r = mem_write(task->pid, fprog.filter, prog->insns, size);
	if (r < 0)
		return wl_err_set(err, r, "write the merged filter into init");
	*ret_address = address;
	return 0;
}

static int load_error(int code, const struct bpf_prog *prog, struct wl_err *err)
{
	if (code == -EBUSY)
		return wl_err_say(err, code,
				  "load the merged filter: init has a seccomp listener already "
				  "(waylay inside a container that is intercepted itself?)");
	if (code == -EACCES)
		return wl_err_say(err, code,
				  "load the merged filter: init has neither no_new_privs nor "
				  "CAP_SYS_ADMIN any more: set noNewPrivileges");
	return wl_err_set(err, code, "load the merged filter of %u instructions", prog->len);
}

/* The fd must not stay in init: a copy there would keep callers waiting for ever once the listener has
 * gone, and a container's init that closes all fds but a few by number would meet a stranger. */
static int take_listener(struct task *task, const struct regs *at, const struct bpf_prog *prog,
			 int fd, int *ret_fd, struct wl_err *err)
{
	const uint64_t args[SYSCALL_ARGS] = { (uint64_t)fd };
	const struct seccomp_data data = {
		.nr = SYS_close,
		.arch = at->row->audit_arch,
		.args = { (uint64_t)fd },
	};
	_cleanup_close_ int own = -EBADF;
	bool is_notified;
	int64_t result = 0;
	int r;

	own = sys_pidfd_getfd(task->pidfd, fd);
	if (own < 0)
		return wl_err_set(err, own, "take the notification fd out of init");
	is_notified =
		(bpf_run(prog, &data, NULL) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
	r = task_call(task, at, SYS_close, args, is_notified ? own : -EBADF, &result);
	if (r < 0)
		return wl_err_set(err, r, "close the notification fd in init");
	/* A policy that denies close() to the container denies it here: the fd is close-on-exec, and init
	 * will hardly get so far. */
	*ret_fd = TAKE_FD(own);
	return 0;
}

int load_inject(struct task *task, const struct regs *at, const struct bpf_prog *prog,
		unsigned flags, bool wants_listener, int *ret_fd, struct wl_err *err)
{
	uint64_t args[SYSCALL_ARGS] = { SECCOMP_SET_MODE_FILTER, flags };
	int64_t result = 0;
	int r;

	r = place_program(task, at, prog, &args[2], err);
	if (r < 0)
		return r;
	if (wants_listener) {
		args[1] |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		args[1] |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		/* The return value is the fd: a thread that cannot be synchronised is then an ESRCH. */
		if (flags & SECCOMP_FILTER_FLAG_TSYNC)
			args[1] |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	}
	r = task_call(task, at, SYS_seccomp, args, -EBADF, &result);
	if (r == 0 && result == -EINVAL && wants_listener) {
		/* Before Linux 5.19. */
		args[1] &= ~(uint64_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		r = task_call(task, at, SYS_seccomp, args, -EBADF, &result);
	}
	if (r < 0)
		return wl_err_set(err, r, "load the merged filter");
	/* TSYNC alone names the thread that could not be synchronised by a positive result. */
	if (result > 0 && !wants_listener)
		result = -ESRCH;
	if (result < 0)
		return load_error((int)result, prog, err);
	return wants_listener ? take_listener(task, at, prog, (int)result, ret_fd, err) : 0;
}
