-- Take up the counts of an earlier run that are of the same faces, compared in the same way, unless they are there already.
-- Python registers table known, which has the columns of block_pair_counts, and table expected: block and fingerprint.
insert into block_pair_counts by name
select known.*
from known
join expected as a on a.block = known.block_a
join expected as b on b.block = known.block_b
anti join block_pair_counts as there on there.block_a = known.block_a and there.block_b = known.block_b
where known.fingerprint = a.fingerprint || b.fingerprint;
