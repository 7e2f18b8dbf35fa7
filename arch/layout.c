/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of foreign ABIs. */
#include "arch/layout.h"

#include <endian.h>
#include <string.h>

unsigned layout_size(const struct abi *abi, enum layout_type type)
{
	static const uint8_t fixed[] = {
		[LAYOUT_U8] = 1,  [LAYOUT_U16] = 2, [LAYOUT_BE16] = 2, [LAYOUT_S32] = 4,
		[LAYOUT_U32] = 4, [LAYOUT_S64] = 8, [LAYOUT_U64] = 8,  [LAYOUT_A64] = 8,
	};

	if (type < sizeof(fixed))
		return fixed[type];
	if (type == LAYOUT_KLONG || type == LAYOUT_UKLONG)
		return abi->index == ABI_X32 ? 8 : abi->word;
	return abi->word;
}

unsigned layout_align(const struct abi *abi, enum layout_type type)
{
	unsigned size = layout_size(abi, type);

	return size == 8 && abi->index == ABI_I386 && type != LAYOUT_A64 ? 4 : size;
}

size_t layout_next(const struct abi *abi, enum layout_type type, size_t *at)
{
	size_t align = layout_align(abi, type), offset = (*at + align - 1) & ~(align - 1);

	*at = offset + layout_size(abi, type);
	return offset;
}

bool layout_is_signed(enum layout_type type)
{
	return type == LAYOUT_S32 || type == LAYOUT_S64 || type == LAYOUT_SWORD ||
	       type == LAYOUT_KLONG;
}

static uint64_t get_u16(const void *p, bool big_endian)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return big_endian ? be16toh(v) : le16toh(v);
}

static uint64_t get_u32(const void *p, bool big_endian, bool is_signed)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	v = big_endian ? be32toh(v) : le32toh(v);
	return is_signed ? (uint64_t)(int64_t)(int32_t)v : v;
}

static uint64_t get_u64(const void *p, bool big_endian)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return big_endian ? be64toh(v) : le64toh(v);
}

uint64_t layout_get(const struct abi *abi, enum layout_type type, const void *p)
{
	switch (layout_size(abi, type)) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return get_u16(p, type == LAYOUT_BE16 || abi->big_endian);
	case 4:
		return get_u32(p, abi->big_endian, layout_is_signed(type));
	default:
		return get_u64(p, abi->big_endian);
	}
}
