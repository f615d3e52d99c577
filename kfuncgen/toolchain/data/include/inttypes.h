/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: no <inttypes.h> is installed; BPF programs only want the types from it. */
#include <stdint.h>
