-- same_person_share(distance): of the pairs at a distance, the share that are of one person, as calibration has it.
-- It lies in 0 to 1; null where calibration cannot tell.
--   select same_person_share(0.45);
--   select id, same_person_share(face_distance(encoding, (select encoding from faces limit 1))) from faces;
create or replace macro same_person_share(distance) as
    (select list(share order by bin) from calibration)[distance_bin(distance) - (select first_bin from binning) + 1];
comment on macro same_person_share is 'of the pairs at a distance, the share that are of one person, as calibration has it';
