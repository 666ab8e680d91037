-- Who of a list of people is in table faces, however accents are written.
-- One row per person there and name that the list gives: person, as the list has it; changed, whether that is another name.
-- Parameters: $people, in Unicode's form NFC, and $names, in step: what they are to be called.
select distinct given.person, faces.person <> given.same_as as changed
from faces
join (select unnest($people) as person, unnest($names) as same_as) as given on nfc_normalize(faces.person) = given.person;
