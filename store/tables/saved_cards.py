"""Store: table of the gateway's customer and payment method for each card token."""

from sqlmodel import Field, SQLModel


class SavedCardRow(SQLModel, table=True):
    """The card of a `token` in one claim or purchase: `customer` and `method` are the gateway's own ids.

    Written before the first payment with it, so that every payment can be found at the gateway by its customer.
    """

    __tablename__ = "saved_cards"

    subject: str = Field(primary_key=True)
    token: str = Field(primary_key=True)
    customer: str
    method: str
