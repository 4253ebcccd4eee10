"""Every table as the first migrations left it: one step, because an empty database then takes 3 s of work, not 16."""

import django.db.models.deletion
import django.db.models.functions.datetime
import members.models.encrypted
from django.conf import settings
from django.db import migrations, models

from members.migrations import _guards


def compare_paths_bytewise(apps, schema_editor):
    """A branch is one range of paths only when "/" sorts before "0", whatever the locale of the cluster."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE members_organization ALTER COLUMN path TYPE varchar(120) COLLATE "C"')


class Migration(migrations.Migration):

    initial = True

    replaces = [('members', name) for name in (
        '0001_initial',
        '0002_guards',
        '0003_roster_corrections',
        '0004_reply_copies',
        '0005_lists_received',
        '0006_signatories',
        '0007_end_reasons',
        '0008_standing_since',
        '0009_kinship',
        '0010_slips',
        '0011_former_names',
        '0012_tree_imports',
        '0013_registers_and_personal_data',
    )]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('username', models.CharField(max_length=60, unique=True, verbose_name='tên đăng nhập')),
                ('full_name', models.CharField(max_length=120, verbose_name='họ và tên')),
                ('email', models.EmailField(blank=True, max_length=254, null=True, verbose_name='thư điện tử')),
                ('is_active', models.BooleanField(default=True, verbose_name='đang hoạt động')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'tài khoản',
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(max_length=60, verbose_name='việc')),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='địa chỉ máy')),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True, verbose_name='lúc')),
                ('object_type', models.CharField(max_length=60)),
                ('object_id', models.BigIntegerField(null=True)),
                ('object_ids', models.JSONField(default=list)),
                ('count', models.PositiveIntegerField(default=1)),
                ('fields', models.JSONField(default=list)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'dòng lịch sử',
                'indexes': [models.Index(fields=['object_type', 'object_id'], name='audit_event_object')],
            },
        ),
        migrations.CreateModel(
            name='AuditDetail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('salt', models.CharField(max_length=32)),
                ('changes', models.JSONField()),
                ('event', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='detail', to='members.auditevent')),
            ],
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveBigIntegerField(unique=True)),
                ('mac', models.CharField(max_length=64)),
                ('sealed_at', models.DateTimeField(auto_now_add=True)),
                ('event', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='seal', to='members.auditevent')),
            ],
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('full_name', models.CharField(max_length=120, verbose_name='họ và tên')),
                ('search_key', models.CharField(db_index=True, max_length=120)),
                ('sort_key', models.CharField(db_index=True, max_length=400)),
                ('sex', models.CharField(blank=True, choices=[('M', 'Nam'), ('F', 'Nữ')], max_length=1, verbose_name='giới tính')),
                ('birth_date', models.DateField(blank=True, null=True, verbose_name='ngày sinh')),
                ('birth_year', models.PositiveSmallIntegerField(verbose_name='năm sinh')),
                ('joined_on', models.DateField(blank=True, null=True, verbose_name='ngày vào Đảng')),
                ('official_on', models.DateField(blank=True, null=True, verbose_name='ngày chính thức')),
                ('card_no', members.models.encrypted.EncryptedTextField(blank=True, verbose_name='số thẻ đảng viên')),
                ('card_index', models.CharField(blank=True, max_length=64)),
                ('phone', members.models.encrypted.EncryptedTextField(blank=True, verbose_name='điện thoại')),
                ('address', members.models.encrypted.EncryptedTextField(blank=True, verbose_name='số nhà, đường')),
            ],
            options={
                'verbose_name': 'đảng viên',
                'ordering': ['sort_key', 'pk'],
                'indexes': [models.Index(fields=['search_key', 'birth_date', 'joined_on'], name='member_identity')],
                'constraints': [models.CheckConstraint(condition=models.Q(('sex__in', ['', 'M', 'F'])), name='member_sex_known'), models.CheckConstraint(condition=models.Q(('birth_date', None), ('birth_date__year', models.F('birth_year')), _connector='OR'), name='member_birth_year_agrees'), models.CheckConstraint(condition=models.Q(('birth_date', None), ('joined_on', None), ('joined_on__gt', models.F('birth_date')), _connector='OR'), name='member_joined_after_birth'), models.UniqueConstraint(condition=models.Q(('card_index', ''), _negated=True), fields=('card_index',), name='member_card_once')],
            },
        ),
        migrations.AddField(
            model_name='user',
            name='member',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='user', to='members.member'),
        ),
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('province', 'Tỉnh ủy, thành ủy'), ('commune', 'Đảng ủy xã, phường, đặc khu'), ('grassroots', 'Tổ chức cơ sở đảng'), ('sectional', 'Đảng ủy bộ phận'), ('cell', 'Chi bộ'), ('external', 'Đảng ủy ngoài hệ thống')], max_length=12, verbose_name='loại')),
                ('side', models.CharField(blank=True, choices=[('workplace', 'Nơi công tác'), ('residence', 'Nơi cư trú')], max_length=10, verbose_name='thuộc')),
                ('name', models.CharField(max_length=200, verbose_name='tên')),
                ('unit', models.CharField(blank=True, choices=[('phường', 'phường'), ('xã', 'xã'), ('đặc khu', 'đặc khu')], max_length=8, verbose_name='đơn vị hành chính')),
                ('locality', models.CharField(blank=True, max_length=80, verbose_name='địa danh')),
                ('path', models.CharField(max_length=120, unique=True)),
                ('search_key', models.CharField(db_index=True, max_length=200)),
                ('locality_key', models.CharField(blank=True, db_index=True, max_length=80)),
                ('closed_on', models.DateField(blank=True, null=True, verbose_name='kết thúc hoạt động')),
                ('superior_line', models.CharField(blank=True, max_length=200, verbose_name='dòng cấp trên')),
                ('issuer_line', models.CharField(blank=True, max_length=200, verbose_name='dòng cơ quan ban hành')),
                ('sign_suffix', models.CharField(blank=True, max_length=10, verbose_name='ký hiệu')),
                ('place_name', models.CharField(blank=True, max_length=80, verbose_name='địa danh ghi trên văn bản')),
                ('authority', models.CharField(blank=True, max_length=120, verbose_name='thể thức đề ký')),
                ('signer_position', models.CharField(blank=True, max_length=80, verbose_name='chức vụ người ký')),
                ('signer_name', models.CharField(blank=True, max_length=120, verbose_name='người ký')),
                ('has_seal', models.BooleanField(default=True, verbose_name='có con dấu')),
                ('address', models.CharField(blank=True, max_length=250, verbose_name='địa chỉ')),
                ('phone', models.CharField(blank=True, max_length=40, verbose_name='điện thoại')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='hộp thư công vụ')),
                ('contact', models.CharField(blank=True, max_length=120, verbose_name='cán bộ đầu mối')),
                ('checked_on', models.DateField(blank=True, null=True, verbose_name='ngày kiểm tra danh bạ')),
                ('reply_copies', models.PositiveSmallIntegerField(default=2, verbose_name='số bản công văn trả lời')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='members.organization')),
            ],
            options={
                'verbose_name': 'tổ chức đảng',
                'ordering': ['path'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['province', 'commune', 'grassroots', 'sectional', 'cell', 'external'])), name='organization_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'cell'), ('side__in', ['workplace', 'residence'])), models.Q(models.Q(('kind', 'cell'), _negated=True), ('side', '')), _connector='OR'), name='organization_cell_has_side'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'commune'), _negated=True), models.Q(models.Q(('unit', ''), _negated=True), models.Q(('locality', ''), _negated=True)), _connector='OR'), name='organization_commune_has_unit'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['cell', 'sectional']), _negated=True), ('has_seal', False), _connector='OR'), name='organization_cell_no_seal'), models.CheckConstraint(condition=models.Q(('parent', models.F('pk')), _negated=True), name='organization_not_its_own_parent'), models.CheckConstraint(condition=models.Q(('reply_copies__gte', 1), ('reply_copies__lte', 20)), name='organization_some_copies'), models.CheckConstraint(condition=models.Q(('authority', ''), ('authority__startswith', 'T/M '), ('authority__startswith', 'T/L '), _connector='OR'), name='organization_signs_for_the_committee')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.CharField(blank=True, max_length=200, verbose_name='chức vụ, vị trí công tác')),
                ('from_on', models.DateField(verbose_name='từ ngày')),
                ('until_on', models.DateField(blank=True, null=True, verbose_name='đến ngày')),
                ('end_note', models.CharField(blank=True, max_length=200, verbose_name='chuyển đến, ghi chú')),
                ('end_reason', models.CharField(blank=True, choices=[('moved', 'chuyển đi'), ('corrected', 'ghi sai, đã ghi lại'), ('retired', 'nghỉ hưu'), ('died', 'từ trần'), ('left', 'ra khỏi Đảng'), ('abroad', 'chuyển sinh hoạt đảng ra nước ngoài')], max_length=9, verbose_name='lý do kết thúc')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='members.member')),
                ('cell', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='members.organization')),
            ],
            options={
                'verbose_name': 'sinh hoạt tại chi bộ nơi công tác',
                'constraints': [models.CheckConstraint(condition=models.Q(('until_on', None), ('until_on__gte', models.F('from_on')), _connector='OR'), name='membership_ends_after_start'), models.UniqueConstraint(condition=models.Q(('until_on', None)), fields=('member',), name='membership_one_open'), models.CheckConstraint(condition=models.Q(('end_reason__in', ['', 'moved', 'corrected', 'retired', 'died', 'left', 'abroad'])), name='membership_end_reason_known'), models.CheckConstraint(condition=models.Q(('end_reason', ''), ('until_on__isnull', False), _connector='OR'), name='membership_reason_only_when_ended')],
            },
        ),
        migrations.CreateModel(
            name='OrganizationPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='tên')),
                ('from_on', models.DateField()),
                ('until_on', models.DateField(null=True)),
                ('search_key', models.CharField(blank=True, db_index=True, max_length=200)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='members.organization')),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.organization')),
            ],
            options={
                'verbose_name': 'giai đoạn của tổ chức',
                'constraints': [models.CheckConstraint(condition=models.Q(('until_on', None), ('until_on__gte', models.F('from_on')), _connector='OR'), name='period_ends_after_start'), models.UniqueConstraint(condition=models.Q(('until_on', None)), fields=('organization',), name='period_one_open')],
            },
        ),
        migrations.CreateModel(
            name='Seat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('secretary', 'Bí thư chi bộ'), ('cell_committee', 'Chi ủy viên'), ('typist', 'Người nhập hộ'), ('clerk', 'Văn thư'), ('officer', 'Cán bộ phụ trách'), ('signer', 'Người ký'), ('overseer', 'Cán bộ theo dõi cấp trên'), ('administrator', 'Quản trị hệ thống'), ('auditor', 'Cán bộ kiểm tra lịch sử'), ('data_officer', 'Cán bộ dữ liệu cá nhân')], max_length=20, verbose_name='nhiệm vụ')),
                ('from_on', models.DateField(verbose_name='từ ngày')),
                ('until_on', models.DateField(blank=True, null=True, verbose_name='đến ngày')),
                ('as_deputy', models.BooleanField(default=False, verbose_name='cấp phó')),
                ('acting', models.BooleanField(default=False, verbose_name='giao phụ trách')),
                ('acting_paper', models.CharField(blank=True, max_length=200, verbose_name='văn bản giao phụ trách')),
                ('granted_at', models.DateTimeField(auto_now_add=True)),
                ('granted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seats', to='members.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seats', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'nhiệm vụ được phân công',
                'constraints': [models.CheckConstraint(condition=models.Q(('until_on', None), ('until_on__gte', models.F('from_on')), _connector='OR'), name='seat_ends_after_start'), models.UniqueConstraint(condition=models.Q(('until_on', None)), fields=('user', 'organization', 'role'), name='seat_one_open_tenure'), models.CheckConstraint(condition=models.Q(('acting', False), models.Q(('acting_paper', ''), _negated=True), _connector='OR'), name='seat_acting_has_paper'), models.CheckConstraint(condition=models.Q(('role__in', ['secretary', 'cell_committee', 'typist', 'clerk', 'officer', 'signer', 'overseer', 'administrator', 'auditor', 'data_officer'])), name='seat_role_known')],
            },
        ),
        migrations.CreateModel(
            name='RosterImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('filename', models.CharField(max_length=200, verbose_name='tên tệp')),
                ('header_row', models.PositiveIntegerField()),
                ('columns', models.JSONField(default=dict)),
                ('dropped', models.JSONField(default=list)),
                ('notes', models.JSONField(default=list)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('committed_at', models.DateTimeField(null=True)),
                ('outcome', models.JSONField(default=dict, verbose_name='kết quả')),
                ('headings', models.JSONField(default=list)),
                ('sheet', models.CharField(blank=True, max_length=200, verbose_name='trang tính')),
                ('committee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roster_imports', to='members.organization')),
                ('commune', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='roster_imports_received', to='members.organization')),
                ('first_sheet', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='other_sheets', to='members.rosterimport')),
                ('committed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'lần nhập danh sách',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RosterHeading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=220)),
                ('text', models.CharField(blank=True, max_length=200, verbose_name='tiêu đề')),
                ('field', models.CharField(blank=True, choices=[('full_name', 'Họ và tên'), ('family_part', 'Họ và chữ đệm'), ('given_part', 'Tên'), ('sex', 'Giới tính'), ('male', 'Giới tính: cột Nam'), ('female', 'Giới tính: cột Nữ'), ('birth_date', 'Ngày sinh hoặc năm sinh'), ('birth_male', 'Ngày sinh: cột Nam'), ('birth_female', 'Ngày sinh: cột Nữ'), ('joined_on', 'Ngày vào Đảng'), ('official_on', 'Ngày chính thức'), ('position', 'Chức vụ'), ('workplace_cell', 'Chi bộ nơi công tác'), ('address', 'Địa chỉ'), ('neighborhood', 'Tổ dân phố, thôn'), ('commune', 'Phường, xã'), ('phone', 'Điện thoại'), ('card_no', 'Số thẻ đảng viên'), ('note', 'Ghi chú'), ('exempt_introduction', 'Miễn giới thiệu về nơi cư trú'), ('exempt_activity', 'Miễn sinh hoạt nơi cư trú'), ('number', 'Số thứ tự')], max_length=20)),
                ('said_at', models.DateTimeField(auto_now=True)),
                ('committee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roster_headings', to='members.organization')),
                ('said_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'tiêu đề đã nhớ',
                'ordering': ['text', 'key'],
                'constraints': [models.CheckConstraint(condition=models.Q(('field__in', ['', 'full_name', 'family_part', 'given_part', 'sex', 'male', 'female', 'birth_date', 'birth_male', 'birth_female', 'joined_on', 'official_on', 'position', 'workplace_cell', 'address', 'neighborhood', 'commune', 'phone', 'card_no', 'note', 'exempt_introduction', 'exempt_activity', 'number'])), name='roster_heading_field_known'), models.UniqueConstraint(fields=('committee', 'key'), name='roster_heading_once')],
            },
        ),
        migrations.CreateModel(
            name='Placement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cell_as_written', models.CharField(blank=True, max_length=120, verbose_name='tổ dân phố, thôn (theo danh sách)')),
                ('cell_written_key', models.CharField(blank=True, max_length=120)),
                ('standing', models.CharField(choices=[('active', 'Tham gia sinh hoạt nơi cư trú'), ('exempt_activity', 'Giới thiệu nhưng được miễn sinh hoạt nơi cư trú')], default='active', max_length=16, verbose_name='diện')),
                ('exemption', models.CharField(blank=True, max_length=20, verbose_name='lý do miễn sinh hoạt')),
                ('exemption_proof', models.CharField(blank=True, max_length=250, verbose_name='căn cứ miễn')),
                ('review_on', models.DateField(blank=True, null=True, verbose_name='ngày rà soát diện miễn')),
                ('origin', models.CharField(choices=[('roster', 'Danh sách nơi công tác'), ('introduction', 'Giấy giới thiệu'), ('residence', 'Nơi cư trú ghi nhận')], max_length=12, verbose_name='nguồn')),
                ('from_on', models.DateField(verbose_name='từ ngày')),
                ('until_on', models.DateField(blank=True, null=True, verbose_name='đến ngày')),
                ('assigned_at', models.DateTimeField(null=True)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('end_reason', models.CharField(blank=True, choices=[('moved', 'chuyển đi'), ('corrected', 'ghi sai, đã ghi lại'), ('retired', 'nghỉ hưu'), ('died', 'từ trần'), ('left', 'ra khỏi Đảng'), ('abroad', 'chuyển sinh hoạt đảng ra nước ngoài')], max_length=9, verbose_name='lý do kết thúc')),
                ('standing_on', models.DateField(blank=True, null=True, verbose_name='áp dụng diện từ ngày')),
                ('cell', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='placements_in_cell', to='members.organization')),
                ('commune', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements_in_commune', to='members.organization')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='members.member')),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
                ('assigned_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'nơi giữ mối liên hệ',
                'indexes': [models.Index(fields=['commune', 'cell_written_key'], name='placement_as_written')],
                'constraints': [models.CheckConstraint(condition=models.Q(('standing__in', ['active', 'exempt_activity'])), name='placement_standing_known'), models.CheckConstraint(condition=models.Q(('origin__in', ['roster', 'introduction', 'residence'])), name='placement_origin_known'), models.CheckConstraint(condition=models.Q(('standing', 'exempt_activity'), ('exemption', ''), _connector='OR'), name='placement_category_only_when_exempt'), models.CheckConstraint(condition=models.Q(('until_on', None), ('until_on__gte', models.F('from_on')), _connector='OR'), name='placement_ends_after_start'), models.UniqueConstraint(condition=models.Q(('until_on', None)), fields=('member',), name='placement_one_open'), models.CheckConstraint(condition=models.Q(models.Q(('assigned_at', None), ('assigned_by', None)), models.Q(('assigned_at__isnull', False), ('assigned_by__isnull', False)), _connector='OR'), name='placement_assigned_by_whom'), models.CheckConstraint(condition=models.Q(('end_reason__in', ['', 'moved', 'corrected', 'retired', 'died', 'left', 'abroad'])), name='placement_end_reason_known'), models.CheckConstraint(condition=models.Q(('end_reason', ''), ('until_on__isnull', False), _connector='OR'), name='placement_reason_only_when_ended')],
            },
        ),
        migrations.CreateModel(
            name='OrganizationImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('filename', models.CharField(max_length=200, verbose_name='tên tệp')),
                ('rows', models.JSONField(default=list)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('committed_at', models.DateTimeField(null=True)),
                ('outcome', models.JSONField(default=dict)),
                ('under', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tree_imports', to='members.organization')),
                ('committed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'lần nhập danh sách tổ chức',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='JointReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(verbose_name='năm nhận xét')),
                ('held_on', models.DateField(verbose_name='ngày họp')),
                ('attendees', models.JSONField(verbose_name='thành phần dự họp')),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('cell', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='joint_reviews', to='members.organization')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'cuộc họp chi ủy với Ban công tác Mặt trận',
                'ordering': ['-held_on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ContactMeeting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('held_on', models.DateField(verbose_name='ngày họp')),
                ('kind', models.CharField(choices=[('periodic', 'Gặp mặt định kỳ 6 tháng'), ('ad_hoc', 'Họp đột xuất, chuyên đề'), ('residents', 'Họp nhân dân')], default='periodic', max_length=10, verbose_name='loại cuộc họp')),
                ('theme', models.CharField(blank=True, max_length=200, verbose_name='nội dung')),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('cell', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contact_meetings', to='members.organization')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'cuộc họp tại nơi cư trú',
                'ordering': ['held_on', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['periodic', 'ad_hoc', 'residents'])), name='meeting_kind_known'), models.UniqueConstraint(fields=('cell', 'held_on', 'kind'), name='meeting_once_a_day')],
            },
        ),
        migrations.AddField(
            model_name='auditevent',
            name='seat',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat'),
        ),
        migrations.CreateModel(
            name='Attendance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('present', 'có mặt'), ('excused', 'vắng có lý do'), ('absent', 'vắng không lý do')], max_length=8, verbose_name='điểm danh')),
                ('recorded_at', models.DateTimeField(auto_now=True)),
                ('meeting', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attendances', to='members.contactmeeting')),
                ('placement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attendances', to='members.placement')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'điểm danh',
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['present', 'excused', 'absent'])), name='attendance_status_known'), models.UniqueConstraint(fields=('meeting', 'placement'), name='attendance_once')],
            },
        ),
        migrations.CreateModel(
            name='Activity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(verbose_name='ngày')),
                ('description', models.CharField(max_length=300, verbose_name='việc đã làm')),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('placement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='activities', to='members.placement')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'hoạt động tại nơi cư trú',
                'ordering': ['on', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Signatory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('authority', models.CharField(max_length=120, verbose_name='thể thức đề ký')),
                ('position', models.CharField(max_length=80, verbose_name='chức vụ')),
                ('name', models.CharField(max_length=120, verbose_name='họ và tên')),
                ('acting_paper', models.CharField(blank=True, max_length=200, verbose_name='văn bản giao phụ trách')),
                ('retired_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatories', to='members.organization')),
            ],
            options={
                'verbose_name': 'thể thức ký',
                'ordering': ['pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('authority', ''), _negated=True), models.Q(('position', ''), _negated=True), models.Q(('name', ''), _negated=True)), name='signatory_is_somebody'), models.CheckConstraint(condition=models.Q(('authority', ''), ('authority__startswith', 'T/M '), ('authority__startswith', 'T/L '), _connector='OR'), name='signatory_signs_for_the_committee')],
            },
        ),
        migrations.CreateModel(
            name='SlipCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('opening', 'Mã mở tài khoản'), ('backup', 'Mã dự phòng')], max_length=8, verbose_name='loại mã')),
                ('code_hash', models.CharField(max_length=64, unique=True)),
                ('issued_at', models.DateTimeField(auto_now_add=True, verbose_name='cấp lúc')),
                ('expires_at', models.DateTimeField(verbose_name='dùng đến')),
                ('used_at', models.DateTimeField(null=True, verbose_name='dùng lúc')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='thôi hiệu lực lúc')),
                ('issued_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slip_codes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'mã mở tài khoản',
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose__in', ['opening', 'backup'])), name='slip_purpose_known'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('issued_at'))), name='slip_expires_later'), models.CheckConstraint(condition=models.Q(('used_at', None), ('revoked_at', None), _connector='OR'), name='slip_used_or_revoked'), models.UniqueConstraint(condition=models.Q(('purpose', 'opening'), ('revoked_at', None), ('used_at', None)), fields=('user',), name='slip_one_opens')],
            },
        ),
        migrations.CreateModel(
            name='StagedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row_no', models.PositiveIntegerField(verbose_name='dòng')),
                ('values', members.models.encrypted.EncryptedJSONField()),
                ('errors', members.models.encrypted.EncryptedJSONField(default=list)),
                ('warnings', members.models.encrypted.EncryptedJSONField(default=list)),
                ('found', members.models.encrypted.EncryptedJSONField(default=list)),
                ('plan', models.CharField(choices=[('new', 'Đưa mới vào sổ'), ('changed', 'Cập nhật'), ('same', 'Đã có, không thay đổi'), ('question', 'Cần làm rõ'), ('faulty', 'Có lỗi'), ('skip', 'Bỏ qua')], default='faulty', max_length=8)),
                ('skip', models.BooleanField(default=False, verbose_name='bỏ qua')),
                ('is_other_person', models.BooleanField(default=False)),
                ('edits', members.models.encrypted.EncryptedJSONField(default=dict)),
                ('raw', members.models.encrypted.EncryptedJSONField(default=dict)),
                ('chosen_commune', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.organization')),
                ('commune', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.organization')),
                ('member', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.member')),
                ('roster', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='members.rosterimport')),
            ],
            options={
                'verbose_name': 'dòng chờ nhập',
                'ordering': ['row_no'],
                'constraints': [models.CheckConstraint(condition=models.Q(('plan__in', ['new', 'changed', 'same', 'question', 'faulty', 'skip'])), name='staged_row_plan_known'), models.UniqueConstraint(fields=('roster', 'row_no'), name='staged_row_once')],
            },
        ),
        migrations.CreateModel(
            name='StagedSheet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lines', members.models.encrypted.EncryptedJSONField(default=list)),
                ('roster', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='source', to='members.rosterimport')),
            ],
            options={
                'verbose_name': 'trang tính chờ nhập',
            },
        ),
        migrations.CreateModel(
            name='Succession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(verbose_name='kể từ ngày')),
                ('kind', models.CharField(choices=[('merge', 'Hợp nhất, sáp nhập'), ('split', 'Chia tách')], max_length=6, verbose_name='hình thức')),
                ('planned_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('executed_at', models.DateTimeField(null=True)),
                ('new', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predecessions', to='members.organization')),
                ('old', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='successions', to='members.organization')),
                ('planned_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.seat')),
            ],
            options={
                'verbose_name': 'kế thừa tổ chức',
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['merge', 'split'])), name='succession_kind_known'), models.CheckConstraint(condition=models.Q(('old', models.F('new')), _negated=True), name='succession_between_two'), models.UniqueConstraint(fields=('old', 'new', 'on'), name='succession_once')],
            },
        ),
        migrations.CreateModel(
            name='Kinship',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('spouse', 'vợ, chồng'), ('parent', 'cha, mẹ'), ('child', 'con'), ('sibling', 'anh, chị, em'), ('household', 'người cùng hộ')], max_length=9, verbose_name='quan hệ')),
                ('declared_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('declared_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('relative_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='kinships', to=settings.AUTH_USER_MODEL)),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='kinships', to='members.member')),
                ('relative', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='kinships_of', to='members.member')),
            ],
            options={
                'verbose_name': 'quan hệ gia đình đã khai',
                'ordering': ['pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['spouse', 'parent', 'child', 'sibling', 'household'])), name='kinship_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('relative__gt', models.F('member')), ('relative__isnull', False), ('relative_user', None)), models.Q(('relative', None), ('relative_user__isnull', False)), _connector='OR'), name='kinship_of_two'), models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('member', 'relative'), name='kinship_once_between_members'), models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('member', 'relative_user'), name='kinship_once_with_user'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by', None)), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False)), _connector='OR'), name='kinship_ended_by_whom')],
            },
        ),
        migrations.RunPython(compare_paths_bytewise, migrations.RunPython.noop),
        migrations.RunPython(_guards.install, _guards.remove),
    ]
