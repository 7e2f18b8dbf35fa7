/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight, in shared memory that outlives the listener. */
#pragma once

#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The RECV buffer is the journal slot: the kernel writes the request straight into MAP_SHARED memory, so
 * there is no instant at which a received call is known to nobody. (Tried: RECV into the stack and then
 * copied blocked a caller for ever within a few kill -9; into the slot: 3000 kills, none lost.)
 *
 *	FREE -> ARMED (RECV's buffer; received once notif.data.arch != 0)
 *	     -> ACTING (before a worker gets it) -> DONE (the worker's answer stands in resp)
 *	     -> SENDING (before SEND) -> FREE (after SEND or ENOENT)
 *
 * After a restart: ARMED and received = decide anew, unless its event is written already: then resp
 * holds what the event says; ACTING = wait for the worker (told again, see plugin/worker.h); DONE = send
 * the stored answer; SENDING = send it again, ENOENT means that it was sent. Before deciding, ID_VALID:
 * the kernel says ENOENT if the call was answered already, or if RECV was cut short and will deliver it
 * again. A DONE call whose caller has gone is undone, a SENDING one is not. */
enum slot_state { SLOT_FREE, SLOT_ARMED, SLOT_ACTING, SLOT_DONE, SLOT_SENDING };

#define JOURNAL_SLOTS 1024 /* per shard; when all are in use, RECV waits and callers with it */
#define JOURNAL_JOBS  256  /* calls with a worker, or queued for one, at once */
#define JOB_TEXT      8192

/* A slot never straddles a page: the kernel's copy into it then happens whole or not at all. */
struct slot {
	struct seccomp_notif notif; /* zeroed while FREE */
	/* The answer. id == 0 in a DONE slot: answered already (REPLY_SENT), nothing to send. */
	struct seccomp_notif_resp resp;
	_Atomic uint32_t state;
	uint32_t container; /* key of the container; 0: none */
	uint32_t rule;	    /* index of the deciding rule in the policy + 1; 0: the profile */
	uint32_t job;	    /* index into jobs + 1; 0: none */
	uint32_t worker;    /* key of the worker that has it; 0: none yet */
	uint32_t undoing;  /* errno to answer (0: the caller has gone) once the undo is done; + 1 */
	uint32_t attempts; /* listeners that died over it */
	uint64_t received_ns; /* CLOCK_MONOTONIC */
	uint64_t deadline_ns; /* 0: none; delay: when to answer; job: when to give up */
	uint64_t event_end;   /* ring position behind its event; 0: no event written */
} __attribute__((aligned(256)));

/* One copied piece of the caller's memory: what the handler decided on, for the event. */
struct job_copy {
	uint32_t arg, offset, len; /* into job.text */
	uint32_t is_cut;
};

/* An emulation: request for, and answer of, a worker. */
struct job {
	uint32_t slot;
	uint32_t rule; /* index in the policy */
	uint32_t n_copies;
	struct job_copy copies[4];
	/* What the handler did, in a few words for the event ("bind", "node"); "" if nothing. */
	char how[32];
	/* Written by the worker before a side effect; cleared by the loop when the answer has reached the
	 * caller, or by the worker that has taken it back. */
	struct {
		uint32_t kind;	 /* 0: none; handler's own numbering */
		uint64_t a, b;	 /* e.g. st_dev and st_ino of what was made */
		char path[4096]; /* relative to the caller's root */
	} undo;
	uint32_t text_len;
	char text[JOB_TEXT];
};

struct journal {
	uint64_t magic;
	uint32_t n_slots, n_jobs, slot_size;
	_Atomic uint64_t restarts;
	struct slot slots[JOURNAL_SLOTS];
	struct job jobs[JOURNAL_JOBS] __attribute__((aligned(4096)));
};
#define JOURNAL_MAGIC 0x776179316c617901ull

/* A new memfd with an empty journal (sealed against shrinking), mapped; *ret_fd is owned by the caller. */
int journal_create(struct journal **ret, int *ret_fd);
/* Maps an existing one; -EINVAL if it is none (size, magic). */
int journal_map(int fd, struct journal **ret);
void journal_unmap(struct journal *j);

/* Makes a slot ready for the next RECV; slot_free() also gives it back. */
void slot_clear(struct slot *slot);
void slot_free(struct slot *slot);

static inline bool slot_is_received(const struct slot *slot)
{
	return __atomic_load_n(&slot->notif.data.arch, __ATOMIC_ACQUIRE) != 0;
}
