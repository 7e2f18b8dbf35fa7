/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter says of each call, in words. */
#include "hook/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/call.h"

#define EXPLAIN_NODES 65536u

int explained_init(struct explained *e, const struct bpf_prog *prog)
{
	int r;

	*e = (struct explained){ .prog = prog };
	r = bpf_dag_init(&e->dag, EXPLAIN_NODES);
	if (r < 0)
		return r;
	if (!prog || prog->len == 0) {
		e->prog = NULL;
		e->root = bpf_node_ret(&e->dag, SECCOMP_RET_ALLOW);
		return 0;
	}
	if (bpf_lift(&e->dag, prog, &e->root) == 0)
		return 0;
	e->root = 0;
	bpf_dag_done(&e->dag);
	return bpf_dag_init(&e->dag, EXPLAIN_NODES);
}

void explained_done(struct explained *e)
{
	bpf_dag_done(&e->dag);
}

static uint32_t residual(struct explained *e, uint32_t arch, uint32_t nr)
{
	uint32_t node = e->root;

	if (node)
		node = bpf_node_restrict(&e->dag, node, BPF_WORD_ARCH, arch);
	if (node)
		node = bpf_node_restrict(&e->dag, node, BPF_WORD_NR, nr);
	return node ? bpf_node_prune(&e->dag, node) : 0;
}

struct answer explained_ask(struct explained *e, uint32_t arch, uint32_t nr)
{
	const struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	struct answer a = { .verdict = SECCOMP_RET_ALLOW };
	uint32_t node = residual(e, arch, nr);

	if (e->prog)
		a.verdict = bpf_run(e->prog, &data, &a.count);
	a.is_const = node && bpf_node_is_const(&e->dag, node, NULL);
	return a;
}

/* Appends the verdicts below a node, each once; a computed one as "computed". */
static void add_verdicts(const struct bpf_dag *dag, uint32_t root, struct buf *out)
{
	_cleanup_free_ uint8_t *wanted = calloc(root + 1, 1);
	const char *sep = "";

	if (!wanted) {
		out->failed = true;
		return;
	}
	wanted[root] = 1;
	for (uint32_t id = root; id > 0; id--) {
		const struct bpf_node *n = &dag->nodes[id];
		uint32_t verdict;

		if (!wanted[id])
			continue;
		if (n->kind == BPF_NODE_TEST) {
			wanted[n->t] = wanted[n->f] = 1;
			continue;
		}
		buf_puts(out, sep);
		sep = " or ";
		if (bpf_node_is_const(dag, id, &verdict))
			bpf_verdict_text(verdict, out);
		else
			buf_puts(out, "a computed verdict");
	}
}

void explained_text(struct explained *e, uint32_t arch, uint32_t nr, struct buf *out)
{
	struct answer a = explained_ask(e, arch, nr);
	uint32_t node = residual(e, arch, nr);

	if (a.is_const) {
		bpf_verdict_text(a.verdict, out);
	} else if (node) {
		add_verdicts(&e->dag, node, out);
		buf_puts(out, " by arguments");
	} else {
		bpf_verdict_text(a.verdict, out);
		buf_puts(out, " (with all arguments 0)");
	}
}

void explained_residual(struct explained *e, uint32_t arch, uint32_t nr, const char *indent,
			struct buf *out)
{
	_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
	_cleanup_(buf_done) struct buf text = { 0 };
	uint32_t node = residual(e, arch, nr);
	char *save = NULL;

	if (!node || bpf_node_is_const(&e->dag, node, NULL) || bpf_emit(&e->dag, node, &prog) < 0)
		return;
	bpf_disasm(&prog, &text);
	if (text.failed)
		return;
	for (char *line = strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		buf_printf(out, "%s%s\n", indent, line);
}

void explain_call_name(const struct abi *abi, uint32_t nr, struct buf *out)
{
	const struct syscall_def *def = sysno_find(abi, nr);

	if (abi != abi_native())
		buf_printf(out, "%s/", abi->name);
	if (def)
		buf_puts(out, def->name);
	else
		buf_printf(out, "#%u", nr & ~abi->nr_bit);
}

int explain_find_calls(const char *text, struct named_call ret[3], size_t *ret_n,
		       struct wl_err *err)
{
	const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text, *near;
	const struct abi *family[3];
	size_t n_family = abi_family(abi_native(), family), n = 0;

	for (size_t i = 0; i < n_family; i++) {
		int64_t nr = -ENOENT;
		char *end = NULL;

		if (slash && (strlen(family[i]->name) != (size_t)(slash - text) ||
			      strncmp(family[i]->name, text, (size_t)(slash - text)) != 0))
			continue;
		if (*name == '#') {
			unsigned long v = strtoul(name + 1, &end, 0);

			nr = *end == '\0' && end != name + 1 && v <= UINT32_MAX
				     ? (int64_t)v | family[i]->nr_bit
				     : -ENOENT;
		} else {
			nr = sysno_number(family[i], name);
		}
		if (nr >= 0)
			ret[n++] = (struct named_call){ family[i], (uint32_t)nr };
	}
	*ret_n = n;
	if (n > 0)
		return 0;
	near = sysno_suggest(name);
	return wl_err_say(err, -ENOENT, "no ABI of this machine has a call '%s'%s%s%s", text,
			  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

struct group {
	char *line;	  /* owned */
	struct buf names; /* owned */
};

static void add_to_group(struct group **groups, size_t *n, char *line, const struct abi *abi,
			 uint32_t nr)
{
	struct group *g = NULL, *more;

	for (size_t i = 0; i < *n && !g; i++)
		if (strcmp((*groups)[i].line, line) == 0)
			g = &(*groups)[i];
	if (g) {
		free(line);
		buf_puts(&g->names, " ");
	} else {
		more = realloc(*groups, (*n + 1) * sizeof(*more));
		if (!more) {
			free(line);
			return;
		}
		*groups = more;
		g = &more[(*n)++];
		*g = (struct group){ .line = line };
	}
	explain_call_name(abi, nr, &g->names);
}

void explain_group(const struct abi *abi, void (*line)(void *ctx, uint32_t nr, struct buf *out),
		   void *ctx, struct buf *out)
{
	struct group *groups = NULL;
	size_t n = 0;

	for (size_t i = 0; i < abi->n_numbers; i++) {
		struct buf text = { 0 };

		line(ctx, abi->numbers[i].nr, &text);
		if (text.data && text.len)
			add_to_group(&groups, &n, buf_take(&text), abi, abi->numbers[i].nr);
		else
			buf_done(&text);
	}
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "  %s\n      %s\n", groups[i].line,
			   groups[i].names.data ? groups[i].names.data : "");
		free(groups[i].line);
		buf_done(&groups[i].names);
	}
	free(groups);
}
