-- summary: all single figures of a report; null where the data cannot tell.
-- One row: version of facesql; faces, photos and people compared, and faces_skipped; pairs; AUC, EER and its cut-off, d', and
-- the means and standard deviations of the distances.
--   select eer, eer_cutoff from summary;
create table if not exists summary (
    version varchar,
    faces bigint,
    faces_skipped bigint,
    photos bigint,
    people bigint,
    genuine_pairs bigint,
    impostor_pairs bigint,
    auc double,
    eer double,
    eer_cutoff double,
    d_prime double,
    genuine_mean double,
    genuine_sd double,
    impostor_mean double,
    impostor_sd double
);
comment on table summary is 'all single figures of a report; null where the data cannot tell';
