-- Who is named, in whatever way accents are written: the person of that very name, or else the first in order.
-- One row, or none: person_number, that of table searched_face, and person.
-- Parameter: $person.
with numbered as (
    select row_number() over (order by id) - 1 as face_number, person from faces
)
select person_number, person
from searched_face
join numbered using (face_number)
where nfc_normalize(person) = nfc_normalize($person)
order by person <> $person, person
limit 1;
