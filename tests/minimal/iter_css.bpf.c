// gen header bpf_iter_css_new bpf_iter_css_next bpf_iter_css_destroy bpf_cgroup_from_id bpf_rcu_read_lock bpf_rcu_read_unlock --type 'struct cgroup:self.id' --type BPF_CGROUP_ITER_DESCENDANTS_PRE
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

int last;

SEC("syscall")
int walk(void *ctx)
{
	struct cgroup_subsys_state *css;
	struct bpf_iter_css it;
	struct cgroup *root;

	(void)ctx;
	root = bpf_cgroup_from_id(1);
	if (!root)
		return 0;
	bpf_rcu_read_lock();
	bpf_iter_css_new(&it, &root->self, BPF_CGROUP_ITER_DESCENDANTS_PRE);
	while ((css = bpf_iter_css_next(&it)))
		last = css->id;
	bpf_iter_css_destroy(&it);
	bpf_rcu_read_unlock();
	bpf_cgroup_release(root);
	return 0;
}

char _license[] SEC("license") = "GPL";
