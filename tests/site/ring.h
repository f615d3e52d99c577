/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

extern struct my_ring *my_ring_get(u32 id) __ksym;
extern void my_ring_put(struct my_ring *ring) __ksym;
