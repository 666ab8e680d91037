-- The group of each person in table faces, by a column of it, as text; what is null or empty is none.
-- One row per person: person, found (the person again: all are in table faces), value (the first in the order of the
-- alphabet, null where there is none) and other (the last where there are several, else null).
-- Parameter: $column, its name.
with valued as (
    select person, nullif(trim(columns(lambda name: name = $column)::varchar), '') as value from faces
)
select
    person,
    person as found,
    min(value) as value,
    nullif(max(value), min(value)) as other
from valued
group by person
order by person;
