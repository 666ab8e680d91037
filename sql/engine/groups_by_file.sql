-- The group of each person in table faces, and of others, by a CSV file with the columns person and group, as text; what is
-- null or empty is none. Names are found however their accents are written.
-- One row per person of table faces or of the file: person (as the file has it, if it does), found (as table faces has it, null where it does
-- not), value (the first in the order of the alphabet, null where there is none) and other (the last where there are several,
-- else null).
-- Parameter: $file, a pattern that matches it alone.
with named as (
    select nfc_normalize(person) as name, any_value(person) as person, min(value) as value, nullif(max(value), min(value)) as other
    from (
        select person, nullif(trim("group"), '') as value
        from read_csv($file, header = true, all_varchar = true)
    )
    where person is not null
    group by name
),
compared as (
    select distinct person as found, nfc_normalize(person) as name from faces
)
select coalesce(person, found) as person, found, value, other
from named
full join compared using (name)
order by person;
