-- Who is in table faces.
-- One row per person: person.
select person from people order by person;
