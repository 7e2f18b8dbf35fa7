/* SPDX-License-Identifier: Apache-2.0 */
/* What annotations and policy files ask of waylay: a checked list of rules. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/base/buf.h"
#include "arch/base/err.h"
#include "specs/condition.h"
#include "specs/json.h"

/* Relation of a rule to the container's profile: annotations.md, "Who wins". */
enum relation { RELATION_OBSERVE, RELATION_RESTRICT, RELATION_OVERRIDE };

enum action {
	ACTION_TRACE,	 /* observe: event with decoded arguments */
	ACTION_LOG,	 /* observe: event with scalars only */
	ACTION_DELAY,	 /* observe: wait `delay_ms`, then the profile's verdict */
	ACTION_DENY,	 /* restrict: ERRNO(errnum), a plain BPF return */
	ACTION_KILL,	 /* restrict: KILL_PROCESS, a plain BPF return */
	ACTION_ERRNO,	 /* override: ERRNO(errnum) */
	ACTION_RETURN,	 /* override: success with `value` */
	ACTION_ALLOW,	 /* override: the kernel carries it out */
	ACTION_EMULATE,	 /* override: handler */
	ACTION_REDIRECT, /* override: reserved for the open and connect handlers */
	ACTION_COUNT
};

struct action_row {
	enum action action;
	const char *name; /* "trace", ... as in policy files */
	enum relation relation;
};
extern const struct action_row action_rows[ACTION_COUNT]; /* by enum action */

/* One item of a call list: [abi '/'] (name | '@'group | '#'number) ['[' expr ']'] [':' errno]. */
struct call_item {
	const struct abi *abi;	     /* NULL: every ABI that knows it */
	char *name;		     /* owned; NULL for a group or a number */
	uint32_t groups;	     /* nonzero: every call of these groups */
	int64_t nr;		     /* #number (without x32's bit), or -1 */
	struct condition *condition; /* owned; NULL: always */
	int errnum;		     /* positive, 0: the rule's own */
	char *text;		     /* owned; as written, for messages */
};

/* Options of an emulation handler: the keys are the handler row's (specs/handler_spec.h), values as
 * strings, kept in the order given. */
struct handler_option {
	char *key, *value; /* owned */
};

struct rule {
	char *name; /* owned; as the user names it, or made: "trace#1"; unique in the policy */
	enum action action;
	struct call_item *items;
	size_t n_items;
	size_t n_bound;	   /* words of conditions, once for each call that they are for */
	int errnum;	   /* DENY, ERRNO: positive errno, default EPERM */
	int64_t value;	   /* RETURN */
	unsigned delay_ms; /* DELAY */
	const struct handler_spec *handler; /* EMULATE, REDIRECT */
	struct handler_option *options;
	size_t n_options;
};

enum engine { ENGINE_NOTIFY, ENGINE_TRACE };
enum on_loss { LOSS_WAIT, LOSS_ENOSYS, LOSS_KILL };

struct policy {
	char *name; /* owned; or NULL */
	enum engine engine;
	enum on_loss on_loss;
	bool gives_on_loss; /* else on_loss is the default */
	char *events;	    /* owned; sink as written ("file:NAME"), NULL: none given */
	char *record;	    /* owned; or NULL */
	struct rule *rules;
	size_t n_rules;
};

#define POLICY_MAX_RULES    1024
#define POLICY_MAX_ITEMS    16384
#define POLICY_MAX_BOUND    (1u << 19) /* rule.n_bound of all rules; each takes some 100 bytes */
#define POLICY_MAX_NAME	    128	       /* characters of a rule's name */
#define POLICY_MAX_DELAY_MS 600000

/* Parses one call list (an annotation's value, or one string of a policy file's "syscalls") and appends
 * its items to the rule. `what` names the source in errors: "annotation dev.waylay.trace". Positions
 * count characters from 1. Names, groups, ABIs and conditions are checked here (every condition is bound
 * once against every call that it applies to); an unknown name comes with the closest known one. The rule's
 * action (and handler) must be set: they say what an item may be. Calls of a group that lack an argument
 * of the condition (condition_bind: -ENOENT) are not meant by the item; a named call that lacks it on one
 * ABI is an error. */
int policy_parse_list(struct rule *rule, const char *text, const char *what, struct wl_err *err);

/* From a parsed policy document (specs/schema/policy.schema.json). Unknown keys are errors with the list
 * of valid ones; each error has line and column. */
int policy_from_json(const struct json *doc, const char *what, struct policy **ret,
		     struct wl_err *err);
/* json_load and policy_from_json. */
int policy_load(const char *path, struct policy **ret, struct wl_err *err);
/* Writes the policy as a document that policy_from_json takes back; what travels in wire messages. */
void policy_to_json(const struct policy *policy, struct buf *out);
void policy_free(struct policy *policy);
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}
/* Empty policy with defaults, or NULL. */
struct policy *policy_new(void);
/* Appends a rule (zeroed but for its action and name) and returns it; NULL: no memory or too many. */
struct rule *policy_add_rule(struct policy *policy, enum action action, const char *name);
/* Moves all rules of `from` to the end of `to`; scalar settings that `from` gives win. */
int policy_append(struct policy *to, struct policy *from, struct wl_err *err);

/* Value of a handler option: as given, else the handler row's fallback; NULL for an unknown key. */
const char *rule_option(const struct rule *rule, const char *key);
static inline enum relation rule_relation(const struct rule *rule)
{
	return action_rows[rule->action].relation;
}
