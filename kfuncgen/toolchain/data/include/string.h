/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: no <string.h> is installed. What clang builds in is what a BPF program can use. */
#ifndef __KFG_STRING_H
#define __KFG_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *one, const void *other, size_t size);
size_t strlen(const char *text);

#endif
