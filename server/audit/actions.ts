// Owns the closed list of acts that the audit log names.

export const AUDIT_ACTIONS = [
  // Accounts and sign-in
  'account.register',
  'account.verify_email',
  'account.sign_in',
  'account.sign_in_failed',
  'account.sign_out',
  'account.change_password',
  'account.reset_password',
  'account.change_email',
  'account.update_profile',
  'account.link_provider',
  'account.unlink_provider',
  'account.add_passkey',
  'account.remove_passkey',
  'account.export_data',
  'account.delete',
  'session.revoke',
  'device_login.confirm',
  'device_login.deny',
  // Keys
  'api_key.create',
  'api_key.revoke',
  'signing_key.add',
  'signing_key.retire',
  'signing_key.compromise',
  // Apps and members
  'app.create',
  'app.update',
  'app.publish',
  'app.unpublish',
  'app.delete',
  'app.transfer',
  'app.pin_keys',
  'app.recover_keys',
  'app.veto_recovery',
  'app.change_rollout',
  'app.report',
  'member.add',
  'member.change_role',
  'member.remove',
  // Versions
  'upload.create',
  'upload.refuse',
  'version.create',
  'version.update',
  'version.delete',
  'version.submit',
  'version.withdraw',
  'version.appeal',
  'version.publish',
  'version.unpublish',
  'version.change_rollout',
  'version.comment',
  // Reviews
  'review.claim',
  'review.release',
  'review.approve',
  'review.reject',
  'review.comment',
  'version.suspend',
  'version.reinstate',
  'report.uphold',
  'report.dismiss',
  // Administration
  'admin.setup',
  'admin.change_role',
  'admin.suspend_account',
  'admin.reinstate_account',
  'admin.suspend_app',
  'admin.reinstate_app',
  'admin.change_setting',
  'admin.retry_job',
  'admin.backup',
  'admin.restore',
  'admin.read_audit',
  'telemetry.device_request',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AUDIT_VIAS = ['SESSION', 'CLI', 'API_KEY', 'SYSTEM', 'OPERATOR'] as const;

/** Which credential acted. */
export type AuditVia = (typeof AUDIT_VIAS)[number];
