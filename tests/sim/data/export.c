/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the files of this folder that no runtime here can load: profiles of other architectures, and
 * libseccomp's tree. Not part of the build; see README.md. */
#include <endian.h>
#include <seccomp.h>

static int export_as(scmp_filter_ctx ctx, int fd);
static scmp_filter_ctx init_as(uint32_t action);
#define seccomp_export_bpf export_as
#define seccomp_init	   init_as
#include "specs/profile.c"
#undef seccomp_export_bpf
#undef seccomp_init

static const char *arch, *form;

static int export_as(scmp_filter_ctx ctx, int fd)
{
	if (strcmp(form, "tree") == 0)
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return seccomp_export_bpf(ctx, fd);
}

static scmp_filter_ctx init_as(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(action);

	/* Of another byte order than ours the architecture cannot stand beside the native one. */
	if (strcmp(arch, "x86_64") != 0)
		seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
	return ctx;
}

/* export PROFILE.json ARCH chain|tree OUTPUT; the JSON's architectures are ARCH and its relatives. */
int main(int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_(bpf_prog_done) struct bpf_prog prog = { 0 };
	struct wl_err err = { 0 };
	FILE *out;

	if (argc != 5)
		return 2;
	arch = argv[2];
	form = argv[3];
	if (json_load(argv[1], &doc, &err) < 0 || profile_compile(doc, &prog, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	out = fopen(argv[4], "we");
	/* libseccomp writes a big-endian architecture's program in its order. */
	for (unsigned i = 0; i < prog.len; i++) {
		struct sock_filter *insn = &prog.insns[i];

		if (strcmp(arch, "s390x") == 0) {
			insn->code = be16toh(insn->code);
			insn->k = be32toh(insn->k);
		}
		fwrite(insn, sizeof(*insn), 1, out);
	}
	return fclose(out) ? 1 : 0;
}
