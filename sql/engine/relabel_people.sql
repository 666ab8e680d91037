-- Give people of a report's table faces other names.
-- Parameters: $people, in Unicode's form NFC, and $names, in step: what they are to be called.
update faces
set person = given.same_as
from (select unnest($people) as person, unnest($names) as same_as) as given
where nfc_normalize(faces.person) = given.person;
