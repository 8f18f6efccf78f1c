//! Forward-only numbered migrations. A migration never changes once it has been released; a database that had
//! more of them than this program knows was made by a newer version and is refused. Apart from `entity`, which
//! describes the tables as they are now: a migration names its tables and columns by itself.

use super::entity::applied_migration;
use sea_orm::sea_query::{Alias, ColumnDef, Index, IntoIden, Table};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryOrder};

/// The number of the newest migration this program knows.
pub(super) const NEWEST: i32 = 1;

/// Makes the table that remembers migrations, in a new database.
pub(super) async fn prepare<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let table = Table::create()
        .table(Alias::new("applied_migration"))
        .col(ColumnDef::new(Alias::new("number")).integer().not_null().primary_key())
        .col(ColumnDef::new(Alias::new("name")).string().not_null())
        .col(ColumnDef::new(Alias::new("by_version")).string().not_null())
        .to_owned();
    db.execute(&table).await?;
    Ok(())
}

/// The highest number the database has had. An error when it has no table of migrations.
pub(super) async fn applied<C: ConnectionTrait>(db: &C) -> Result<i32, DbErr> {
    let newest =
        applied_migration::Entity::find().order_by_desc(applied_migration::Column::Number).one(db).await?;
    Ok(newest.map_or(0, |row| row.number))
}

/// Applies what is missing, inside the caller's transaction.
pub(super) async fn apply(db: &DatabaseTransaction, from: i32) -> Result<(), DbErr> {
    for number in from + 1..=NEWEST {
        let name = match number {
            1 => {
                first_tables(db).await?;
                "first tables"
            }
            // The loop ends at NEWEST; a number without an arm is a mistake in this file that every test finds.
            other => return Err(DbErr::Custom(format!("migration {other} is not written"))),
        };
        let row = applied_migration::ActiveModel {
            number: Set(number),
            name: Set(name.to_owned()),
            by_version: Set(env!("CARGO_PKG_VERSION").to_owned()),
        };
        applied_migration::Entity::insert(row).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn first_tables(db: &DatabaseTransaction) -> Result<(), DbErr> {
    let col = |name: &'static str| ColumnDef::new(Alias::new(name));
    let tables = [
        Table::create()
            .table(Alias::new("record"))
            .col(col("kind").string().not_null())
            .col(col("id").string().not_null())
            .col(col("body").text().not_null())
            .primary_key(Index::create().col(Alias::new("kind")).col(Alias::new("id")))
            .to_owned(),
        Table::create()
            .table(Alias::new("journal"))
            .col(col("number").big_integer().not_null().primary_key())
            .col(col("job").string().not_null())
            .col(col("body").text().not_null())
            .to_owned(),
        Table::create()
            .table(Alias::new("audit"))
            .col(col("number").big_integer().not_null().primary_key())
            .col(col("body").text().not_null())
            .col(col("previous").string().not_null())
            .col(col("hash").string().not_null())
            .to_owned(),
        Table::create()
            .table(Alias::new("event"))
            .col(col("number").big_integer().not_null().primary_key())
            .col(col("id").string().not_null())
            .col(col("at").big_integer().not_null())
            .col(col("item").string().null())
            .col(col("body").text().not_null())
            .to_owned(),
    ];
    for table in &tables {
        db.execute(table).await?;
    }
    db.execute(&index("journal_by_job", "journal", "job")).await?;
    db.execute(&index("event_by_item", "event", "item")).await?;
    Ok(())
}

fn index(name: &str, table: &'static str, column: &'static str) -> sea_orm::sea_query::IndexCreateStatement {
    Index::create()
        .name(name)
        .table(Alias::new(table).into_iden())
        .col(Alias::new(column).into_iden())
        .to_owned()
}
