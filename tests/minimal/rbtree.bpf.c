// gen header bpf_obj_new_impl bpf_rbtree_add_impl bpf_rbtree_first bpf_rbtree_remove --type 'struct bpf_spin_lock' --type __sk_buff
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))

struct node {
	struct bpf_rb_node link;
	long key;
};

private(tree) struct bpf_spin_lock lock;
private(tree) struct bpf_rb_root root
	__attribute__((btf_decl_tag("contains:node:link")));

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return ((struct node *)a)->key < ((const struct node *)b)->key;
}

SEC("tc")
int insert(struct __sk_buff *ctx)
{
	struct node *node = bpf_obj_new_impl(bpf_core_type_id_local(struct node), NULL);
	struct bpf_rb_node *first;

	if (!node)
		return 0;
	node->key = ctx->len;
	bpf_spin_lock(&lock);
	bpf_rbtree_add_impl(&root, &node->link, less, NULL, 0);
	first = bpf_rbtree_first(&root);
	if (first)
		first = bpf_rbtree_remove(&root, first);
	bpf_spin_unlock(&lock);
	if (first)
		bpf_obj_drop_impl(first, NULL);
	return 0;
}

char _license[] SEC("license") = "GPL";
