-- Delete the counts of pairs of groups of blocks that are not known in whole, and so are counted again.
-- Parameters: $groups_a and $groups_b, the groups of each such pair, in step; $blocks_a_group.
delete from block_pair_counts
using (select unnest($groups_a::integer[]) as group_a, unnest($groups_b::integer[]) as group_b) as again
where block_a // $blocks_a_group = group_a and block_b // $blocks_a_group = group_b;
