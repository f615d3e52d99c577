// gen header bpf_cgroup_from_id bpf_cgroup_ancestor --type 'struct cgroup:level,kn.id'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

u64 id;

SEC("syscall")
int climb(void *ctx)
{
	KFG_AUTO(bpf_cgroup_release) struct cgroup *cgroup = bpf_cgroup_from_id(1);
	struct cgroup *above;

	(void)ctx;
	if (!cgroup)
		return 0;
	above = bpf_cgroup_ancestor(cgroup, 0);
	if (!above)
		return cgroup->level;
	id = above->kn->id;
	bpf_cgroup_release(above);
	return 0;
}

char _license[] SEC("license") = "GPL";
