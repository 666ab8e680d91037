-- What the pairs of two groups have at a cut-off, by the blocks of people that they are of, from block_pair_counts.
-- One row per pair of groups (group_a <= group_b) and of their blocks (0 to 63, and block_a <= block_b where the groups are
-- one), and same_person: matched and pairs (how many match, and all), matched_weight and weight (their person weights).
-- Parameter: $last_bin, the last that matches.
select
    block_a // 64 as group_a,
    block_b // 64 as group_b,
    block_a % 64 as block_a,
    block_b % 64 as block_b,
    same_person,
    coalesce(list_sum(list_slice(pairs, 1, $last_bin - first_bin + 1)), 0)::bigint as matched,
    list_sum(pairs)::bigint as pairs,
    coalesce(list_sum(list_slice(person_weight, 1, $last_bin - first_bin + 1)), 0)::double as matched_weight,
    list_sum(person_weight)::double as weight
from block_pair_counts
order by all;
