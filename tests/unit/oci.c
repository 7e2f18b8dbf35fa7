/* SPDX-License-Identifier: Apache-2.0 */
/* specs/oci.h: what runtimes give to hooks. */
#include <fcntl.h>
#include <stdlib.h>

#include "specs/oci.h"
#include "tests/unit/tap.h"

static int read_text(const char *text, size_t len, struct oci_state **ret, struct wl_err *err)
{
	char path[] = "/tmp/waylay-oci-XXXXXX";
	int fd = mkstemp(path), r;

	*err = (struct wl_err){ 0 };
	tap_int_eq(write(fd, text, len), len);
	lseek(fd, 0, SEEK_SET);
	r = oci_state_read(fd, ret, err);
	close(fd);
	unlink(path);
	return r;
}

static void the_state_of_a_runtime_is_understood(void)
{
	static const char text[] = "{\n  \"ociVersion\": \"1.0\",\n  \"id\": \"a.b_c+d-1\",\n  "
				   "\"pid\": 42,\n  \"status\": "
				   "\"creating\",\n  \"bundle\": \"/b\",\n  \"annotations\": "
				   "{\"k\": \"v\"},\"extra\":[1]}\n";
	struct oci_state *s = NULL;
	struct wl_err err;

	tap_int_eq(read_text(text, strlen(text), &s, &err), 0);
	tap_str_eq(s ? s->id : NULL, "a.b_c+d-1");
	tap_int_eq(s ? s->pid : 0, 42);
	tap_str_eq(s ? s->status : NULL, "creating");
	tap_str_eq(s ? s->bundle : NULL, "/b");
	tap_str_eq(s ? json_get_string(s->annotations, "k") : NULL, "v");
	oci_state_free(s);
}

static void what_may_be_missing_may_be_missing(void)
{
	static const char text[] = "{\"id\":\"x\",\"bundle\":\".\"}";
	struct oci_state *s = NULL;
	struct wl_err err;

	tap_int_eq(read_text(text, strlen(text), &s, &err), 0);
	tap_ok(s && !s->bundle && s->pid == 0 && !s->annotations);
	tap_str_eq(s ? s->status : NULL, "");
	oci_state_free(s);
}

static void a_broken_state_is_refused(void)
{
	static const struct {
		const char *text;
		int code;
		const char *say;
	} rows[] = {
		{ "", -EINVAL,
		  "container state: nothing on stdin; an OCI runtime writes it there" },
		{ "{\"id\":\"x\"", -EINVAL,
		  "container state: line 1, column 10: parse error: premature EOF" },
		{ "hello", -EINVAL,
		  "container state: line 1, column 1: lexical error: invalid char in json text." },
		{ "[]", -EINVAL,
		  "container state: no \"id\"; this reads what an OCI runtime gives to hooks" },
		{ "{\"id\":5}", -EINVAL,
		  "container state: no \"id\"; this reads what an OCI runtime gives to "
		  "hooks" },
		{ "{\"id\":\"../x\"}", -EINVAL,
		  "container id '../x': not 1 to 255 characters of A-Z a-z 0-9 _ . + -" },
		{ "{\"id\":\"x\",\"pid\":-1}", -EINVAL,
		  "container state: \"pid\" is no process id" },
		{ "{\"id\":\"x\",\"pid\":2147483648}", -EINVAL,
		  "container state: \"pid\" is no process id" },
		{ "{\"id\":\"x\",\"pid\":\"1\"}", -EINVAL,
		  "container state: \"pid\" is no process id" },
	};
	struct oci_state *s = NULL;
	struct wl_err err;
	char *big = malloc(OCI_STATE_MAX + 1);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_int_eq(read_text(rows[i].text, strlen(rows[i].text), &s, &err), rows[i].code);
		tap_str_eq(err.msg, rows[i].say);
	}
	memset(big, ' ', OCI_STATE_MAX + 1);
	memcpy(big, "{\"id\":\"x\"}", 10);
	tap_int_eq(read_text(big, OCI_STATE_MAX + 1, &s, &err), -E2BIG);
	tap_ok(!s);
	tap_int_eq(read_text(big, OCI_STATE_MAX, &s, &err), 0);
	oci_state_free(s);
	free(big);
}

static void ids_are_plain_names(void)
{
	char id[258];

	memset(id, 'a', sizeof(id));
	id[256] = '\0';
	tap_ok(!oci_id_is_valid(id));
	id[255] = '\0';
	tap_ok(oci_id_is_valid(id));
	tap_ok(oci_id_is_valid("..."));
	tap_ok(!oci_id_is_valid("") && !oci_id_is_valid(".") && !oci_id_is_valid(".."));
	tap_ok(!oci_id_is_valid("a/b") && !oci_id_is_valid("a b") && !oci_id_is_valid("a\nb"));
	tap_ok(!oci_id_is_valid("\xc3\xa9"));
}

static void a_config_says_what_matters(void)
{
	static const char text[] =
		"{\"annotations\":{\"a\":\"b\"},\"process\":{\"noNewPrivileges\":true},\"linux\":{"
		"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}],\"seccomp\":{\"x\":1}}}";
	char dir[] = "/tmp/waylay-oci-XXXXXX", path[64];
	struct oci_config *c = NULL;
	struct wl_err err = { 0 };
	FILE *f;

	tap_ok(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	tap_int_eq(oci_config_load(dir, &c, &err), -ENOENT);
	f = fopen(path, "we");
	fputs(text, f);
	fclose(f);
	tap_int_eq(oci_config_load(dir, &c, &err), 0);
	tap_ok(c && c->no_new_privileges && c->has_userns && c->seccomp && c->annotations);
	oci_config_free(c);
	c = NULL;
	f = fopen(path, "we");
	fputs("{\"linux\":{\"seccomp\":null}}", f);
	fclose(f);
	tap_int_eq(oci_config_load_file(path, &c, &err), 0);
	tap_ok(c && !c->no_new_privileges && !c->has_userns && !c->seccomp && !c->annotations);
	oci_config_free(c);
	c = NULL;
	f = fopen(path, "we");
	fputs("[]", f);
	fclose(f);
	tap_int_eq(oci_config_load_file(path, &c, &err), -EINVAL);
	tap_ok(!c);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	TAP_RUN(the_state_of_a_runtime_is_understood);
	TAP_RUN(what_may_be_missing_may_be_missing);
	TAP_RUN(a_broken_state_is_refused);
	TAP_RUN(ids_are_plain_names);
	TAP_RUN(a_config_says_what_matters);
	return TAP_DONE();
}
