-- summary: all single figures of a report; null where the data cannot tell.
-- One row: version of facesql; tables, faces, photos and people compared; faces left out as invalid (faces_skipped) and as
-- nearly the same picture as others (duplicates_dropped); the metric, and its bins as binning has them; pairs; AUC, EER and its cut-off, d', and the means and standard
-- deviations of the distances.
--   select eer, eer_cutoff from summary;
create table if not exists summary (
    version varchar,
    tables bigint,
    faces bigint,
    faces_skipped bigint,
    duplicates_dropped bigint,
    photos bigint,
    people bigint,
    metric varchar,
    first_bin integer,
    last_bin integer,
    bin_width double,
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
