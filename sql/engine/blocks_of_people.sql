-- Which block each of some people is dealt into.
-- One row per name: person, block (0 to 63). Parameter: $people, distinct names.
select person, person_block(person) as block
from (select unnest($people::varchar[]) as person);
