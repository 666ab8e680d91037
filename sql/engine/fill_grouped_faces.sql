-- Table faces of a database in which groups are compared: the faces of the people who are in one.
-- Python registers given, the faces of all with the columns id, person, photo and encoding, and table member: person.
drop view faces;
create table faces as
select given.* from given semi join member using (person);
