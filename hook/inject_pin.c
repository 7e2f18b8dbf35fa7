/* SPDX-License-Identifier: Apache-2.0 */
/* CPU affinity of a stepped task, without a trace of it afterwards. */
#include <sched.h>
#include <string.h>

#include "arch/base/cleanup.h"
#include "arch/kernel.h"
#include "arch/sysno.h"
#include "hook/inject_pin.h"

/* The raw calls: glibc wants to know the mask's size at compile time. Returns the bytes filled. */
static long get_mask(pid_t pid, uint8_t mask[PIN_BYTES])
{
	memset(mask, 0, PIN_BYTES);
	return syscall(SYS_sched_getaffinity, pid, PIN_BYTES, mask);
}

static int set_mask(pid_t pid, const uint8_t mask[PIN_BYTES])
{
	return syscall(SYS_sched_setaffinity, pid, PIN_BYTES, mask) < 0 ? -errno : 0;
}

static bool has_cpu(const uint8_t mask[PIN_BYTES], unsigned cpu)
{
	unsigned long words[PIN_BYTES / sizeof(unsigned long)];
	const unsigned bits = 8 * sizeof(words[0]);

	memcpy(words, mask, sizeof(words));
	return words[cpu / bits] >> cpu % bits & 1;
}

static void only_cpu(uint8_t mask[PIN_BYTES], unsigned cpu)
{
	unsigned long words[PIN_BYTES / sizeof(unsigned long)] = { 0 };
	const unsigned bits = 8 * sizeof(words[0]);

	words[cpu / bits] = 1ul << cpu % bits;
	memcpy(mask, words, sizeof(words));
}

void pin_init(struct pin *pin, pid_t pid)
{
	/* A child would inherit the pin, and these two would show it. */
	static const char *const names[] = {
		"clone", "clone3", "fork", "vfork", "sched_setaffinity", "sched_getaffinity"
	};

	*pin = (struct pin){ .pid = pid };
	for (size_t i = 0; i < ARRAY_SIZE(pin->pausing); i++)
		pin->pausing[i] = i < ARRAY_SIZE(names) ? sysno_number(abi_native(), names[i]) : -1;
}

bool pin_must_pause(const struct pin *pin, uint64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(pin->pausing); i++)
		if (pin->pausing[i] >= 0 && nr == (uint64_t)pin->pausing[i])
			return true;
	return false;
}

/* Since Linux 6.2 a mask once set stays a bound when the cpuset grows later. A task that may use all of
 * its cpuset gets every bit back, not the bits of today. */
static void find_own_mask(struct pin *pin)
{
	uint8_t all[PIN_BYTES], now[PIN_BYTES];

	memset(all, 0xff, sizeof(all));
	pin->has_own_mask = set_mask(pin->pid, all) < 0 || get_mask(pin->pid, now) <= 0 ||
			    memcmp(now, pin->saved, sizeof(now)) != 0;
}

void pin_on(struct pin *pin)
{
	uint8_t one[PIN_BYTES];
	int cpu = sched_getcpu();

	if (pin->is_on || cpu < 0 || cpu >= PIN_BYTES * 8 || get_mask(pin->pid, pin->saved) <= 0)
		return;
	for (unsigned i = 0; !has_cpu(pin->saved, (unsigned)cpu); i++) {
		if (i == PIN_BYTES * 8)
			return;
		cpu = (int)i;
	}
	only_cpu(one, (unsigned)cpu);
	if (set_mask(0, one) < 0)
		return;
	find_own_mask(pin);
	pin->is_on = true;
	if (set_mask(pin->pid, one) < 0)
		pin_off(pin);
}

void pin_off(struct pin *pin)
{
	uint8_t all[PIN_BYTES];

	if (!pin->is_on)
		return;
	pin->is_on = false;
	memset(all, 0xff, sizeof(all));
	set_mask(pin->pid, all);
	if (pin->has_own_mask)
		set_mask(pin->pid, pin->saved);
}
