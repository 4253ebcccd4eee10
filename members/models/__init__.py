from members.models.accounts import Seat, User
from members.models.conflicts import Kinship
from members.models.headings import RosterHeading
from members.models.history import AuditDetail, AuditEvent, AuditSeal
from members.models.learned import CellName
from members.models.organizations import Organization, OrganizationPeriod, Succession
from members.models.participation import Activity, Attendance, ContactMeeting, JointReview
from members.models.people import EndReason, Member, Membership
from members.models.placements import Placement
from members.models.rosters import RosterImport, StagedSheet
from members.models.signatories import Signatory
from members.models.slips import SlipCode
from members.models.staged_rows import StagedRow
from members.models.tree_imports import OrganizationImport

__all__ = [
    "Activity",
    "Attendance",
    "AuditDetail",
    "AuditEvent",
    "AuditSeal",
    "CellName",
    "ContactMeeting",
    "EndReason",
    "JointReview",
    "Kinship",
    "Member",
    "Membership",
    "Organization",
    "OrganizationImport",
    "OrganizationPeriod",
    "Placement",
    "RosterHeading",
    "RosterImport",
    "Seat",
    "Signatory",
    "SlipCode",
    "StagedRow",
    "StagedSheet",
    "Succession",
    "User",
]
