/* SPDX-License-Identifier: Apache-2.0 */
/* `waylay explain --pid`: which of a process's filters says what, and which decides. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/bpf/op.h"
#include "hook/cmd_explain.h"
#include "hook/explain.h"

struct process {
	struct filters filters;
	struct explained e[EXPLAIN_FILTERS_MAX];
	const struct abi *abi; /* being listed */
};

/* What the kernel makes of all filters' verdicts with all arguments 0; *ret_by: the filter that decides
 * (newest first; the kernel keeps the first of equals), filters->n if all allow. */
static uint32_t combined(const struct filters *f, uint32_t arch, uint32_t nr, unsigned *ret_by)
{
	const struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	uint32_t verdict = SECCOMP_RET_ALLOW;

	*ret_by = f->n;
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t v = bpf_run(&f->prog[i], &data, NULL);

		if (bpf_action_rank(v) < bpf_action_rank(verdict)) {
			verdict = v;
			*ret_by = i;
		}
	}
	return verdict;
}

static bool is_const(struct process *p, uint32_t arch, uint32_t nr)
{
	for (unsigned i = 0; i < p->filters.n; i++)
		if (!explained_ask(&p->e[i], arch, nr).is_const)
			return false;
	return true;
}

static void process_line(void *ctx, uint32_t nr, struct buf *out)
{
	struct process *p = ctx;
	uint32_t arch = p->abi->audit_arch;
	unsigned by;
	uint32_t verdict = combined(&p->filters, arch, nr, &by);

	if (is_const(p, arch, nr)) {
		bpf_verdict_text(verdict, out);
		if (by < p->filters.n && p->filters.n > 1)
			buf_printf(out, "  by filter %u", by);
		return;
	}
	for (unsigned i = 0; i < p->filters.n; i++) {
		if (p->filters.n > 1)
			buf_printf(out, "%sfilter %u: ", i ? "; " : "", i);
		explained_text(&p->e[i], arch, nr, out);
	}
}

/* Index of the instruction that returns, with all arguments 0. */
static unsigned returns_at(const struct bpf_prog *prog, const struct seccomp_data *data)
{
	/* A prefix of the program that ends in `pc` answers like the whole only if pc is not passed:
	 * found by the number of instructions, following jumps as bpf_run does. */
	struct bpf_prog copy = { 0 };
	unsigned at = prog->len;

	if (bpf_prog_copy(&copy, prog->insns, prog->len) < 0)
		return at;
	for (unsigned pc = 0; pc < prog->len && at == prog->len; pc++) {
		struct sock_filter old = copy.insns[pc];

		if (BPF_CLASS(old.code) != BPF_RET)
			continue;
		copy.insns[pc] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0x7f7f0000);
		if (bpf_run(&copy, data, NULL) == 0x7f7f0000)
			at = pc;
		copy.insns[pc] = old;
	}
	bpf_prog_done(&copy);
	return at;
}

static void explain_process_call(struct process *p, const struct named_call *c)
{
	const struct seccomp_data data = { .nr = (int)c->nr, .arch = c->abi->audit_arch };
	uint32_t arch = c->abi->audit_arch, verdict;
	struct buf out = { 0 };
	unsigned by;

	explain_call_name(c->abi, c->nr, &out);
	buf_puts(&out, "\n");
	for (unsigned i = 0; i < p->filters.n; i++) {
		struct answer a = explained_ask(&p->e[i], arch, c->nr);

		buf_printf(&out, "    filter %u: ", i);
		explained_text(&p->e[i], arch, c->nr, &out);
		if (a.is_const)
			buf_printf(&out, ", at instruction %u after %u\n",
				   returns_at(&p->filters.prog[i], &data), a.count);
		else
			buf_puts(&out, "\n");
		explained_residual(&p->e[i], arch, c->nr, "      ", &out);
	}
	verdict = combined(&p->filters, arch, c->nr, &by);
	buf_puts(&out,
		 is_const(p, arch, c->nr) ? "    together: " : "    together, all arguments 0: ");
	bpf_verdict_text(verdict, &out);
	if (by < p->filters.n)
		buf_printf(&out, " by filter %u", by);
	buf_puts(&out, "\n");
	if (out.data)
		fputs(out.data, stdout);
	buf_done(&out);
}

static void explain_process_all(struct process *p)
{
	const struct abi *family[3];
	size_t n = abi_family(abi_native(), family);

	for (size_t i = 0; i < n; i++) {
		struct buf out = { 0 };

		p->abi = family[i];
		buf_printf(&out, "%s:\n", family[i]->name);
		explain_group(family[i], process_line, p, &out);
		if (out.data)
			fputs(out.data, stdout);
		buf_done(&out);
	}
}

/* Raw instructions, as the kernel and libseccomp's tools take them. */
static int dump_filter(const struct bpf_prog *prog, const char *path, struct wl_err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t size = (ssize_t)(prog->len * sizeof(*prog->insns));

	if (fd < 0)
		return wl_err_set(err, -errno, "open '%s'", path);
	if (write(fd, prog->insns, (size_t)size) != size)
		return wl_err_set(err, -EIO, "write '%s'", path);
	return 0;
}

/* The newest goes to the file, older ones beside it: FILE.1, ... */
static int dump_filters(const struct filters *filters, const char *path, struct wl_err *err)
{
	for (unsigned i = 0; i < filters->n; i++) {
		_cleanup_(buf_done) struct buf name = { 0 };
		int r;

		buf_puts(&name, path);
		if (i > 0)
			buf_printf(&name, ".%u", i);
		r = name.failed ? wl_err_set(err, -ENOMEM, "dump")
				: dump_filter(&filters->prog[i], name.data, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int explain_filters(struct process *p, bool show_bpf, char **calls, int n_calls,
			   struct wl_err *err)
{
	for (unsigned i = 0; i < p->filters.n; i++) {
		struct buf out = { 0 };

		printf("filter %u: %u instructions\n", i, p->filters.prog[i].len);
		if (!show_bpf)
			continue;
		bpf_disasm(&p->filters.prog[i], &out);
		if (out.data)
			fputs(out.data, stdout);
		buf_done(&out);
	}
	for (int i = 0; i < n_calls; i++) {
		struct named_call found[3];
		size_t n;
		int r = explain_find_calls(calls[i], found, &n, err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < n; k++)
			explain_process_call(p, &found[k]);
	}
	if (n_calls == 0 && p->filters.n > 0)
		explain_process_all(p);
	return 0;
}

int explain_process(int pid, bool show_bpf, const char *dump, char **calls, int n_calls,
		    struct wl_err *err)
{
	struct process *p = calloc(1, sizeof(*p));
	unsigned ready = 0;
	int r;

	if (!p)
		return wl_err_set(err, -ENOMEM, "explain");
	r = filters_of_process(pid, &p->filters, err);
	if (r == 0) {
		printf("process %d: %u filters, the newest first\n", pid, p->filters.n);
		for (; ready < p->filters.n && r == 0; ready++)
			r = explained_init(&p->e[ready], &p->filters.prog[ready]);
		if (r < 0)
			wl_err_set(err, r, "explain");
	}
	if (r == 0 && dump)
		r = dump_filters(&p->filters, dump, err);
	if (r == 0)
		r = explain_filters(p, show_bpf, calls, n_calls, err);
	while (ready > 0)
		explained_done(&p->e[--ready]);
	filters_done(&p->filters);
	free(p);
	return r;
}
