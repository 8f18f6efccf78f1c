//! The tables of the vault database as entities. They hold what is looked up by in typed columns and the rest
//! as JSON text, so that a new field of a record needs no migration. Apart from `migrations`, which must go on
//! describing the tables as they once were while this file describes them as they are now.

#![expect(unreachable_pub, reason = "the derive of entities asks for public items")]

/// One record of the core: a site, a server, an item, a job.
pub(super) mod record {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "record")]
    pub struct Model {
        /// What kind of noun it is.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        /// Its id within the kind.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The record as JSON.
        #[sea_orm(column_type = "Text")]
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a job was about to do, written before it did it.
pub(super) mod journal {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "journal")]
    pub struct Model {
        /// Rises with every entry.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// The job it belongs to.
        pub job: String,
        /// The entry as JSON.
        #[sea_orm(column_type = "Text")]
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Who did what, each entry sealed with the hash of the one before.
pub(super) mod audit {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        /// Rises by one, without gaps.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// The entry as JSON, exactly the bytes that were hashed.
        #[sea_orm(column_type = "Text")]
        pub body: String,
        /// Hash of the entry before, in hex.
        pub previous: String,
        /// Hash over `number`, `previous` and `body`, in hex.
        pub hash: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The events a person reads, bounded in number.
pub(super) mod event {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event")]
    pub struct Model {
        /// Rises with every event.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// Its identity.
        pub id: String,
        /// When, in milliseconds since 1970.
        pub at: i64,
        /// The item, if it concerns one.
        pub item: Option<String>,
        /// The event as JSON.
        #[sea_orm(column_type = "Text")]
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Which migrations this database has had.
pub(super) mod applied_migration {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "applied_migration")]
    pub struct Model {
        /// Its number.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        /// Its name.
        pub name: String,
        /// The version of the program that applied it.
        pub by_version: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
