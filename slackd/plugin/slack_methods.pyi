"""Slack's methods by their own names, with `_` for each dot, and their arguments.

Generated from slack_sdk 3.48.0 by packaging/sdk/slack_methods.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

class SlackMethods:
    async def admin_analytics_getFile(
        self,
        *,
        type: str,
        date: str | None = ...,
        metadata_only: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_activities_list(
        self,
        *,
        app_id: str | None = ...,
        component_id: str | None = ...,
        component_type: str | None = ...,
        log_event_type: str | None = ...,
        max_date_created: int | None = ...,
        min_date_created: int | None = ...,
        min_log_level: str | None = ...,
        sort_direction: str | None = ...,
        source: str | None = ...,
        team_id: str | None = ...,
        trace_id: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_approve(
        self,
        *,
        app_id: str | None = ...,
        request_id: str | None = ...,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_approved_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_clearResolution(
        self,
        *,
        app_id: str,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_config_lookup(
        self,
        *,
        app_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_config_set(
        self,
        *,
        app_id: str,
        domain_restrictions: Mapping[str, Any] | None = ...,
        workflow_auth_strategy: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_mcp_servers_list(
        self,
        *,
        limit: int | None = ...,
        cursor: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_mcp_servers_permissions_list(
        self,
        *,
        app_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_mcp_servers_permissions_set(
        self,
        *,
        app_id: str,
        server_id: str,
        permission_type: str,
        user_ids: Sequence[str] | str | None = ...,
        usergroup_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_requests_cancel(
        self,
        *,
        request_id: str,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_requests_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_restrict(
        self,
        *,
        app_id: str | None = ...,
        request_id: str | None = ...,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_restricted_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        enterprise_id: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_apps_uninstall(
        self,
        *,
        app_id: str,
        enterprise_id: str | None = ...,
        team_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_auth_policy_assignEntities(
        self,
        *,
        entity_ids: Sequence[str] | str,
        policy_name: str,
        entity_type: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_auth_policy_getEntities(
        self,
        *,
        policy_name: str,
        cursor: str | None = ...,
        entity_type: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_auth_policy_removeEntities(
        self,
        *,
        entity_ids: Sequence[str] | str,
        policy_name: str,
        entity_type: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_barriers_create(
        self,
        *,
        barriered_from_usergroup_ids: Sequence[str] | str,
        primary_usergroup_id: str,
        restricted_subjects: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_barriers_delete(
        self,
        *,
        barrier_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_barriers_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_barriers_update(
        self,
        *,
        barrier_id: str,
        barriered_from_usergroup_ids: Sequence[str] | str,
        primary_usergroup_id: str,
        restricted_subjects: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_archive(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_bulkArchive(
        self,
        *,
        channel_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_bulkDelete(
        self,
        *,
        channel_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_bulkMove(
        self,
        *,
        channel_ids: Sequence[str] | str,
        target_team_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_bulkSetProperties(
        self,
        *,
        channel_ids: Sequence[str] | str,
        property: Mapping[str, Any] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_convertToPrivate(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_convertToPublic(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_create(
        self,
        *,
        is_private: bool,
        name: str,
        description: str | None = ...,
        org_wide: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_createForObjects(
        self,
        *,
        object_id: str,
        salesforce_org_id: str,
        invite_object_team: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_delete(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_disconnectShared(
        self,
        *,
        channel_id: str,
        leaving_team_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_ekm_listOriginalConnectedChannelInfo(
        self,
        *,
        channel_ids: Sequence[str] | str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        team_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_getConversationPrefs(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_getCustomRetention(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_getTeams(
        self,
        *,
        channel_id: str,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_invite(
        self,
        *,
        channel_id: str,
        user_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_linkObjects(
        self,
        *,
        channel: str,
        record_id: str,
        salesforce_org_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_lookup(
        self,
        *,
        last_message_activity_before: int,
        team_ids: Sequence[str] | str,
        cursor: str | None = ...,
        limit: int | None = ...,
        max_member_count: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_removeCustomRetention(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_rename(
        self,
        *,
        channel_id: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_restrictAccess_addGroup(
        self,
        *,
        channel_id: str,
        group_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_restrictAccess_listGroups(
        self,
        *,
        channel_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_restrictAccess_removeGroup(
        self,
        *,
        channel_id: str,
        group_id: str,
        team_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_search(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        query: str | None = ...,
        search_channel_types: Sequence[str] | str | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        team_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_setConversationPrefs(
        self,
        *,
        channel_id: str,
        prefs: Mapping[str, Any] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_setCustomRetention(
        self,
        *,
        channel_id: str,
        duration_days: int,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_setTeams(
        self,
        *,
        channel_id: str,
        org_channel: bool | None = ...,
        target_team_ids: Sequence[str] | str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_unarchive(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_conversations_unlinkObjects(
        self,
        *,
        channel: str,
        new_name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_emoji_add(
        self,
        *,
        name: str,
        url: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_emoji_addAlias(
        self,
        *,
        alias_for: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_emoji_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_emoji_remove(
        self,
        *,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_emoji_rename(
        self,
        *,
        name: str,
        new_name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_functions_list(
        self,
        *,
        app_ids: Sequence[str] | str,
        team_id: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_functions_permissions_lookup(
        self,
        *,
        function_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_functions_permissions_set(
        self,
        *,
        function_id: str,
        visibility: str,
        user_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_inviteRequests_approve(
        self,
        *,
        invite_request_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_inviteRequests_approved_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_inviteRequests_denied_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_inviteRequests_deny(
        self,
        *,
        invite_request_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_inviteRequests_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_roles_addAssignments(
        self,
        *,
        role_id: str,
        entity_ids: Sequence[str] | str,
        user_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_roles_listAssignments(
        self,
        *,
        role_ids: Sequence[str] | str | None = ...,
        entity_ids: Sequence[str] | str | None = ...,
        cursor: str | None = ...,
        limit: int | str | None = ...,
        sort_dir: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_roles_removeAssignments(
        self,
        *,
        role_id: str,
        entity_ids: Sequence[str] | str,
        user_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_slackbot_skills_list(
        self,
        *,
        category: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        creator_ids: Sequence[str] | str | None = ...,
        publish_status: str | None = ...,
        auto_enabled_status: str | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_slackbot_skills_publish(
        self,
        *,
        skill_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_slackbot_skills_setAutoEnabled(
        self,
        *,
        skill_id: str,
        permission_type: str,
        usergroup_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_slackbot_skills_unpublish(
        self,
        *,
        skill_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_admins_list(
        self,
        *,
        team_id: str,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_create(
        self,
        *,
        team_domain: str,
        team_name: str,
        team_description: str | None = ...,
        team_discoverability: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_owners_list(
        self,
        *,
        team_id: str,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_info(
        self,
        *,
        team_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_setDefaultChannels(
        self,
        *,
        team_id: str,
        channel_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_setDescription(
        self,
        *,
        team_id: str,
        description: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_setDiscoverability(
        self,
        *,
        team_id: str,
        discoverability: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_setIcon(
        self,
        *,
        team_id: str,
        image_url: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_teams_settings_setName(
        self,
        *,
        team_id: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_usergroups_addChannels(
        self,
        *,
        channel_ids: Sequence[str] | str,
        usergroup_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_usergroups_addTeams(
        self,
        *,
        usergroup_id: str,
        team_ids: Sequence[str] | str,
        auto_provision: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_usergroups_listChannels(
        self,
        *,
        usergroup_id: str,
        include_num_members: bool | None = ...,
        team_id: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_usergroups_removeChannels(
        self,
        *,
        usergroup_id: str,
        channel_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_assign(
        self,
        *,
        team_id: str,
        user_id: str,
        channel_ids: Sequence[str] | str | None = ...,
        is_restricted: bool | None = ...,
        is_ultra_restricted: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_getExpiration(
        self,
        *,
        user_id: str,
        target_team: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_invite(
        self,
        *,
        team_id: str,
        email: str,
        channel_ids: Sequence[str] | str,
        custom_message: str | None = ...,
        email_password_policy_enabled: bool | None = ...,
        guest_expiration_ts: float | str | None = ...,
        is_restricted: bool | None = ...,
        is_ultra_restricted: bool | None = ...,
        real_name: str | None = ...,
        resend: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_list(
        self,
        *,
        team_id: str | None = ...,
        include_deactivated_user_workspaces: bool | None = ...,
        is_active: bool | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_remove(
        self,
        *,
        team_id: str,
        user_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_clearSettings(
        self,
        *,
        user_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_getSettings(
        self,
        *,
        user_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_invalidate(
        self,
        *,
        session_id: str,
        team_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        user_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_reset(
        self,
        *,
        user_id: str,
        mobile_only: bool | None = ...,
        web_only: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_resetBulk(
        self,
        *,
        user_ids: Sequence[str] | str,
        mobile_only: bool | None = ...,
        web_only: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_session_setSettings(
        self,
        *,
        user_ids: Sequence[str] | str,
        desktop_app_browser_quit: bool | None = ...,
        duration: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_setAdmin(
        self,
        *,
        team_id: str,
        user_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_setExpiration(
        self,
        *,
        expiration_ts: int,
        user_id: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_setOwner(
        self,
        *,
        team_id: str,
        user_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_setRegular(
        self,
        *,
        team_id: str,
        user_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_users_unsupportedVersions_export(
        self,
        *,
        date_end_of_support: int | str | None = ...,
        date_sessions_started: int | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_workflows_collaborators_add(
        self,
        *,
        collaborator_ids: Sequence[str] | str,
        workflow_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_workflows_collaborators_remove(
        self,
        *,
        collaborator_ids: Sequence[str] | str,
        workflow_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_workflows_permissions_lookup(
        self,
        *,
        workflow_ids: Sequence[str] | str,
        max_workflow_triggers: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_workflows_search(
        self,
        *,
        app_id: str | None = ...,
        collaborator_ids: Sequence[str] | str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        no_collaborators: bool | None = ...,
        num_trigger_ids: int | None = ...,
        query: str | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        source: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def admin_workflows_unpublish(
        self,
        *,
        workflow_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_archive(
        self,
        *,
        channel_id: str,
        summary_message_ts: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_create(
        self,
        *,
        name: str,
        team_id: str | None = ...,
        session_id: str | None = ...,
        is_private: bool | None = ...,
        origin_channel_id: str | None = ...,
        origin_message_ts: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_getCanvas(
        self,
        *,
        channel: str,
        canvas_id: str,
        content_format: str | None = ...,
        include_resolved: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_listViews(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_removeView(
        self,
        *,
        channel_id: str,
        view_key: str | None = ...,
        view_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_setCanvasContent(
        self,
        *,
        channel: str,
        canvas_id: str,
        content: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_setCommands(
        self,
        *,
        channel_id: str,
        commands: Sequence[Mapping[str, Any]],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_setProperties(
        self,
        *,
        channel_id: str,
        code_channel: Mapping[str, Any] | None = ...,
        agent_resource: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_conversations_setView(
        self,
        *,
        channel_id: str,
        type: str | None = ...,
        view_key: str | None = ...,
        content: str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | None = ...,
        canvas_id: str | None = ...,
        access_level: str | None = ...,
        agent_content_hash: str | None = ...,
        pr_url: str | None = ...,
        base_branch: str | None = ...,
        head_branch: str | None = ...,
        name: str | None = ...,
        csp: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_sessions_rename(
        self,
        *,
        channel_id: str,
        title: str,
        thread_ts: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def agents_sessions_setStatus(
        self,
        *,
        channel_id: str,
        status: str,
        thread_ts: str | None = ...,
        title: str | None = ...,
        initiator_user_id: str | None = ...,
        icon_emoji: str | None = ...,
        icon_url: str | None = ...,
        username: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def api_test(
        self,
        *,
        error: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_connections_open(
        self,
        *,
        app_token: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_event_authorizations_list(
        self,
        *,
        event_context: str,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_icon_set(
        self,
        *,
        app_id: str,
        file: Mapping[str, Any] | str | None = ...,
        url: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_managed_permissions_set(
        self,
        *,
        app_id: str,
        permissions: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_manifest_create(
        self,
        *,
        manifest: Mapping[str, Any] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_manifest_delete(
        self,
        *,
        app_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_manifest_export(
        self,
        *,
        app_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_manifest_update(
        self,
        *,
        app_id: str,
        manifest: Mapping[str, Any] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_manifest_validate(
        self,
        *,
        manifest: Mapping[str, Any] | str,
        app_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_uninstall(
        self,
        *,
        client_id: str,
        client_secret: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_user_connection_bulkUpdate(
        self,
        *,
        connected_user_ids: Sequence[str] | str | None = ...,
        disconnected_user_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_user_connection_requestAuth(
        self,
        *,
        primary_provider: Mapping[str, Any] | str,
        trigger_id: str | None = ...,
        user_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def apps_user_connection_update(
        self,
        *,
        user_id: str,
        status: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def assistant_search_context(
        self,
        *,
        query: str,
        action_token: str | None = ...,
        channel_types: Sequence[str] | str | None = ...,
        content_types: Sequence[str] | str | None = ...,
        include_bots: bool | None = ...,
        include_deleted_users: bool | None = ...,
        before: int | None = ...,
        after: int | None = ...,
        include_context_messages: bool | None = ...,
        context_channel_id: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        include_message_blocks: bool | None = ...,
        highlight: bool | None = ...,
        term_clauses: Sequence[str] | None = ...,
        modifiers: str | None = ...,
        include_archived_channels: bool | None = ...,
        disable_semantic_search: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def assistant_search_info(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def assistant_threads_setStatus(
        self,
        *,
        channel_id: str,
        thread_ts: str,
        status: str,
        loading_messages: Sequence[str] | None = ...,
        icon_emoji: str | None = ...,
        icon_url: str | None = ...,
        username: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def assistant_threads_setSuggestedPrompts(
        self,
        *,
        channel_id: str,
        thread_ts: str | None = ...,
        title: str | None = ...,
        prompts: Sequence[Mapping[str, Any]],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def assistant_threads_setTitle(
        self,
        *,
        channel_id: str,
        thread_ts: str,
        title: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def auth_revoke(
        self,
        *,
        test: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def auth_teams_list(
        self,
        *,
        cursor: str | None = ...,
        limit: int | None = ...,
        include_icon: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def auth_test(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def blocks_validate(
        self,
        *,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        message: Mapping[str, Any] | str | None = ...,
        view: Mapping[str, Any] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def bookmarks_add(
        self,
        *,
        channel_id: str,
        title: str,
        type: str,
        emoji: str | None = ...,
        entity_id: str | None = ...,
        link: str | None = ...,
        parent_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def bookmarks_edit(
        self,
        *,
        bookmark_id: str,
        channel_id: str,
        emoji: str | None = ...,
        link: str | None = ...,
        title: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def bookmarks_list(
        self,
        *,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def bookmarks_remove(
        self,
        *,
        bookmark_id: str,
        channel_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def bots_info(
        self,
        *,
        bot: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_add(
        self,
        *,
        external_unique_id: str,
        join_url: str,
        created_by: str | None = ...,
        date_start: int | None = ...,
        desktop_app_join_url: str | None = ...,
        external_display_id: str | None = ...,
        title: str | None = ...,
        users: Sequence[Mapping[str, Any]] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_end(
        self,
        *,
        id: str,
        duration: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_info(
        self,
        *,
        id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_participants_add(
        self,
        *,
        id: str,
        users: Sequence[Mapping[str, Any]] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_participants_remove(
        self,
        *,
        id: str,
        users: Sequence[Mapping[str, Any]] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def calls_update(
        self,
        *,
        id: str,
        desktop_app_join_url: str | None = ...,
        join_url: str | None = ...,
        title: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_access_delete(
        self,
        *,
        canvas_id: str,
        channel_ids: Sequence[str] | str | None = ...,
        user_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_access_set(
        self,
        *,
        canvas_id: str,
        access_level: str,
        channel_ids: Sequence[str] | str | None = ...,
        user_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_create(
        self,
        *,
        title: str | None = ...,
        document_content: Mapping[str, Any] | None = ...,
        channel_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_delete(
        self,
        *,
        canvas_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_edit(
        self,
        *,
        canvas_id: str,
        changes: Sequence[Mapping[str, Any]],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_getContent(
        self,
        *,
        canvas_id: str,
        content_type: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def canvases_sections_lookup(
        self,
        *,
        canvas_id: str,
        criteria: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_archive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_create(
        self,
        *,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_history(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_info(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_invite(
        self,
        *,
        channel: str,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_join(
        self,
        *,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_kick(
        self,
        *,
        channel: str,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_leave(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_mark(
        self,
        *,
        channel: str,
        ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_rename(
        self,
        *,
        channel: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_replies(
        self,
        *,
        channel: str,
        thread_ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_setPurpose(
        self,
        *,
        channel: str,
        purpose: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_setTopic(
        self,
        *,
        channel: str,
        topic: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def channels_unarchive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_appendStream(
        self,
        *,
        channel: str,
        ts: str,
        markdown_text: str | None = ...,
        chunks: Sequence[Mapping[str, Any]] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_delete(
        self,
        *,
        channel: str,
        ts: str,
        as_user: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_deleteScheduledMessage(
        self,
        *,
        channel: str,
        scheduled_message_id: str,
        as_user: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_getPermalink(
        self,
        *,
        channel: str,
        message_ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_meMessage(
        self,
        *,
        channel: str,
        text: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_postEphemeral(
        self,
        *,
        channel: str,
        user: str,
        text: str | None = ...,
        as_user: bool | None = ...,
        attachments: Sequence[Mapping[str, Any]] | str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        thread_ts: str | None = ...,
        icon_emoji: str | None = ...,
        icon_url: str | None = ...,
        link_names: bool | None = ...,
        username: str | None = ...,
        parse: str | None = ...,
        markdown_text: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_postMessage(
        self,
        *,
        channel: str,
        text: str | None = ...,
        as_user: bool | None = ...,
        attachments: Sequence[Mapping[str, Any]] | str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        thread_ts: str | None = ...,
        reply_broadcast: bool | None = ...,
        unfurl_links: bool | None = ...,
        unfurl_media: bool | None = ...,
        container_id: str | None = ...,
        icon_emoji: str | None = ...,
        icon_url: str | None = ...,
        mrkdwn: bool | None = ...,
        link_names: bool | None = ...,
        username: str | None = ...,
        parse: str | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        markdown_text: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_scheduleMessage(
        self,
        *,
        channel: str,
        post_at: int | str,
        text: str | None = ...,
        as_user: bool | None = ...,
        attachments: Sequence[Mapping[str, Any]] | str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        thread_ts: str | None = ...,
        parse: str | None = ...,
        reply_broadcast: bool | None = ...,
        unfurl_links: bool | None = ...,
        unfurl_media: bool | None = ...,
        link_names: bool | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        markdown_text: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_scheduledMessages_list(
        self,
        *,
        channel: str | None = ...,
        cursor: str | None = ...,
        latest: str | None = ...,
        limit: int | None = ...,
        oldest: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_startStream(
        self,
        *,
        channel: str,
        thread_ts: str,
        markdown_text: str | None = ...,
        recipient_team_id: str | None = ...,
        recipient_user_id: str | None = ...,
        chunks: Sequence[Mapping[str, Any]] | None = ...,
        task_display_mode: str | None = ...,
        icon_emoji: str | None = ...,
        icon_url: str | None = ...,
        username: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_stopStream(
        self,
        *,
        channel: str,
        ts: str,
        markdown_text: str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        chunks: Sequence[Mapping[str, Any]] | None = ...,
        session_status: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_unfurl(
        self,
        *,
        channel: str | None = ...,
        ts: str | None = ...,
        source: str | None = ...,
        unfurl_id: str | None = ...,
        unfurls: Mapping[str, Any] | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        user_auth_blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        user_auth_message: str | None = ...,
        user_auth_required: bool | None = ...,
        user_auth_url: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def chat_update(
        self,
        *,
        channel: str,
        ts: str,
        text: str | None = ...,
        attachments: Sequence[Mapping[str, Any]] | str | None = ...,
        blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        as_user: bool | None = ...,
        file_ids: Sequence[str] | str | None = ...,
        link_names: bool | None = ...,
        parse: str | None = ...,
        reply_broadcast: bool | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        markdown_text: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_acceptSharedInvite(
        self,
        *,
        channel_name: str,
        channel_id: str | None = ...,
        invite_id: str | None = ...,
        free_trial_accepted: bool | None = ...,
        is_private: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_approveSharedInvite(
        self,
        *,
        invite_id: str,
        target_team: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_archive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_canvases_create(
        self,
        *,
        channel_id: str,
        document_content: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_close(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_create(
        self,
        *,
        name: str,
        is_private: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_declineSharedInvite(
        self,
        *,
        invite_id: str,
        target_team: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_externalInvitePermissions_set(
        self,
        *,
        action: str,
        channel: str,
        target_team: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_history(
        self,
        *,
        channel: str,
        cursor: str | None = ...,
        inclusive: bool | None = ...,
        include_all_metadata: bool | None = ...,
        latest: str | None = ...,
        limit: int | None = ...,
        oldest: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_info(
        self,
        *,
        channel: str,
        include_locale: bool | None = ...,
        include_num_members: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_invite(
        self,
        *,
        channel: str,
        users: Sequence[str] | str,
        force: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_inviteShared(
        self,
        *,
        channel: str,
        emails: Sequence[str] | str | None = ...,
        user_ids: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_join(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_kick(
        self,
        *,
        channel: str,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_leave(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_list(
        self,
        *,
        cursor: str | None = ...,
        exclude_archived: bool | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        types: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_listConnectInvites(
        self,
        *,
        count: int | None = ...,
        cursor: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_mark(
        self,
        *,
        channel: str,
        ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_members(
        self,
        *,
        channel: str,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_open(
        self,
        *,
        channel: str | None = ...,
        return_im: bool | None = ...,
        users: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_rename(
        self,
        *,
        channel: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_replies(
        self,
        *,
        channel: str,
        ts: str,
        cursor: str | None = ...,
        inclusive: bool | None = ...,
        include_all_metadata: bool | None = ...,
        latest: str | None = ...,
        limit: int | None = ...,
        oldest: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_requestSharedInvite_approve(
        self,
        *,
        invite_id: str,
        channel_id: str | None = ...,
        is_external_limited: str | None = ...,
        message: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_requestSharedInvite_deny(
        self,
        *,
        invite_id: str,
        message: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_requestSharedInvite_list(
        self,
        *,
        cursor: str | None = ...,
        include_approved: bool | None = ...,
        include_denied: bool | None = ...,
        include_expired: bool | None = ...,
        invite_ids: Sequence[str] | str | None = ...,
        limit: int | None = ...,
        user_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_setPurpose(
        self,
        *,
        channel: str,
        purpose: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_setTopic(
        self,
        *,
        channel: str,
        topic: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def conversations_unarchive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dialog_open(
        self,
        *,
        dialog: Mapping[str, Any],
        trigger_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dnd_endDnd(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dnd_endSnooze(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dnd_info(
        self,
        *,
        team_id: str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dnd_setSnooze(
        self,
        *,
        num_minutes: int | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def dnd_teamInfo(
        self,
        *,
        users: Sequence[str] | str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def emoji_list(
        self,
        *,
        include_categories: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def entity_presentDetails(
        self,
        *,
        trigger_id: str,
        metadata: Mapping[str, Any] | None = ...,
        user_auth_required: bool | None = ...,
        user_auth_url: str | None = ...,
        error: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_comments_delete(
        self,
        *,
        file: str,
        id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_completeUploadExternal(
        self,
        *,
        files: Sequence[Mapping[str, Any]],
        channel_id: str | None = ...,
        channels: Sequence[str] | None = ...,
        initial_comment: str | None = ...,
        thread_ts: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_delete(
        self,
        *,
        file: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_getUploadURLExternal(
        self,
        *,
        filename: str,
        length: int,
        alt_txt: str | None = ...,
        snippet_type: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_info(
        self,
        *,
        file: str,
        count: int | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        page: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_list(
        self,
        *,
        channel: str | None = ...,
        count: int | None = ...,
        page: int | None = ...,
        show_files_hidden_by_limit: bool | None = ...,
        team_id: str | None = ...,
        ts_from: str | None = ...,
        ts_to: str | None = ...,
        types: Sequence[str] | str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_remote_info(
        self,
        *,
        external_id: str | None = ...,
        file: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_remote_list(
        self,
        *,
        channel: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        ts_from: str | None = ...,
        ts_to: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_remote_remove(
        self,
        *,
        external_id: str | None = ...,
        file: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_remote_share(
        self,
        *,
        channels: Sequence[str] | str,
        external_id: str | None = ...,
        file: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_revokePublicURL(
        self,
        *,
        file: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_sharedPublicURL(
        self,
        *,
        file: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def files_upload(
        self,
        *,
        file: Mapping[str, Any] | str | None = ...,
        content: Mapping[str, Any] | str | None = ...,
        filename: str | None = ...,
        filetype: str | None = ...,
        initial_comment: str | None = ...,
        thread_ts: str | None = ...,
        title: str | None = ...,
        channels: Sequence[str] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def functions_completeError(
        self,
        *,
        function_execution_id: str,
        error: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def functions_completeSuccess(
        self,
        *,
        function_execution_id: str,
        outputs: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_archive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_create(
        self,
        *,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_createChild(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_history(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_info(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_invite(
        self,
        *,
        channel: str,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_kick(
        self,
        *,
        channel: str,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_leave(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_mark(
        self,
        *,
        channel: str,
        ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_open(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_rename(
        self,
        *,
        channel: str,
        name: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_replies(
        self,
        *,
        channel: str,
        thread_ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_setPurpose(
        self,
        *,
        channel: str,
        purpose: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_setTopic(
        self,
        *,
        channel: str,
        topic: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def groups_unarchive(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_close(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_history(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_mark(
        self,
        *,
        channel: str,
        ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_open(
        self,
        *,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def im_replies(
        self,
        *,
        channel: str,
        thread_ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def migration_exchange(
        self,
        *,
        users: Sequence[str] | str,
        team_id: str | None = ...,
        to_old: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_close(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_history(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_mark(
        self,
        *,
        channel: str,
        ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_open(
        self,
        *,
        users: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def mpim_replies(
        self,
        *,
        channel: str,
        thread_ts: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def oauth_access(
        self,
        *,
        client_id: str,
        client_secret: str,
        code: str,
        redirect_uri: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def oauth_v2_access(
        self,
        *,
        client_id: str,
        client_secret: str,
        code: str | None = ...,
        redirect_uri: str | None = ...,
        grant_type: str | None = ...,
        refresh_token: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def oauth_v2_exchange(
        self,
        *,
        client_id: str,
        client_secret: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def openid_connect_token(
        self,
        *,
        client_id: str,
        client_secret: str,
        code: str | None = ...,
        redirect_uri: str | None = ...,
        grant_type: str | None = ...,
        refresh_token: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def openid_connect_userInfo(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def pins_add(
        self,
        *,
        channel: str,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def pins_list(
        self,
        *,
        channel: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def pins_remove(
        self,
        *,
        channel: str,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reactions_add(
        self,
        *,
        channel: str,
        name: str,
        timestamp: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reactions_get(
        self,
        *,
        channel: str | None = ...,
        file: str | None = ...,
        file_comment: str | None = ...,
        full: bool | None = ...,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reactions_list(
        self,
        *,
        count: int | None = ...,
        cursor: str | None = ...,
        full: bool | None = ...,
        limit: int | None = ...,
        page: int | None = ...,
        team_id: str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reactions_remove(
        self,
        *,
        name: str,
        channel: str | None = ...,
        file: str | None = ...,
        file_comment: str | None = ...,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reminders_add(
        self,
        *,
        text: str,
        time: str,
        team_id: str | None = ...,
        user: str | None = ...,
        recurrence: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reminders_complete(
        self,
        *,
        reminder: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reminders_delete(
        self,
        *,
        reminder: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reminders_info(
        self,
        *,
        reminder: str,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def reminders_list(
        self,
        *,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def rtm_connect(
        self,
        *,
        batch_presence_aware: bool | None = ...,
        presence_sub: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def rtm_start(
        self,
        *,
        batch_presence_aware: bool | None = ...,
        include_locale: bool | None = ...,
        mpim_aware: bool | None = ...,
        no_latest: bool | None = ...,
        no_unreads: bool | None = ...,
        presence_sub: bool | None = ...,
        simple_latest: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def search_all(
        self,
        *,
        query: str,
        count: int | None = ...,
        highlight: bool | None = ...,
        page: int | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def search_files(
        self,
        *,
        query: str,
        count: int | None = ...,
        highlight: bool | None = ...,
        page: int | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def search_messages(
        self,
        *,
        query: str,
        count: int | None = ...,
        cursor: str | None = ...,
        highlight: bool | None = ...,
        page: int | None = ...,
        sort: str | None = ...,
        sort_dir: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_access_delete(
        self,
        *,
        list_id: str,
        channel_ids: Sequence[str] | None = ...,
        user_ids: Sequence[str] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_access_set(
        self,
        *,
        list_id: str,
        access_level: str,
        channel_ids: Sequence[str] | None = ...,
        user_ids: Sequence[str] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_create(
        self,
        *,
        name: str,
        description_blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        schema: Sequence[Mapping[str, Any]] | None = ...,
        copy_from_list_id: str | None = ...,
        include_copied_list_records: bool | None = ...,
        todo_mode: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_download_get(
        self,
        *,
        list_id: str,
        job_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_download_start(
        self,
        *,
        list_id: str,
        include_archived: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_create(
        self,
        *,
        list_id: str,
        duplicated_item_id: str | None = ...,
        parent_item_id: str | None = ...,
        initial_fields: Sequence[Mapping[str, Any]] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_delete(
        self,
        *,
        list_id: str,
        id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_deleteMultiple(
        self,
        *,
        list_id: str,
        ids: Sequence[str],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_info(
        self,
        *,
        list_id: str,
        id: str,
        include_is_subscribed: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_list(
        self,
        *,
        list_id: str,
        limit: int | None = ...,
        cursor: str | None = ...,
        archived: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_items_update(
        self,
        *,
        list_id: str,
        cells: Sequence[Mapping[str, Any]],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackLists_update(
        self,
        *,
        id: str,
        name: str | None = ...,
        description_blocks: Sequence[Mapping[str, Any]] | str | None = ...,
        todo_mode: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_create(
        self,
        *,
        display_name: str,
        instructions: str | None = ...,
        canvas_id: str | None = ...,
        description: str | None = ...,
        category: str | None = ...,
        example_prompt: str | None = ...,
        mcp_servers: Sequence[Mapping[str, Any]] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_delete(
        self,
        *,
        skill_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_info(
        self,
        *,
        skill_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_library_add(
        self,
        *,
        skill_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_library_remove(
        self,
        *,
        skill_id: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_list(
        self,
        *,
        filter: str | None = ...,
        category: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def slackbot_skills_update(
        self,
        *,
        skill_id: str,
        display_name: str | None = ...,
        instructions: str | None = ...,
        description: str | None = ...,
        category: str | None = ...,
        example_prompt: str | None = ...,
        mcp_servers: Sequence[Mapping[str, Any]] | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def stars_add(
        self,
        *,
        channel: str | None = ...,
        file: str | None = ...,
        file_comment: str | None = ...,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def stars_list(
        self,
        *,
        count: int | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        page: int | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def stars_remove(
        self,
        *,
        channel: str | None = ...,
        file: str | None = ...,
        file_comment: str | None = ...,
        timestamp: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_accessLogs(
        self,
        *,
        before: int | str | None = ...,
        count: int | str | None = ...,
        page: int | str | None = ...,
        team_id: str | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_billableInfo(
        self,
        *,
        team_id: str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_billing_info(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_externalTeams_disconnect(
        self,
        *,
        target_team: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_externalTeams_list(
        self,
        *,
        connection_status_filter: str | None = ...,
        slack_connect_pref_filter: Sequence[str] | None = ...,
        sort_direction: str | None = ...,
        sort_field: str | None = ...,
        workspace_filter: Sequence[str] | None = ...,
        cursor: str | None = ...,
        limit: int | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_info(
        self,
        *,
        team: str | None = ...,
        domain: str | None = ...,
        include_slackbot_availability: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_integrationLogs(
        self,
        *,
        app_id: str | None = ...,
        change_type: str | None = ...,
        count: int | str | None = ...,
        page: int | str | None = ...,
        service_id: str | None = ...,
        team_id: str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_preferences_list(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def team_profile_get(
        self,
        *,
        visibility: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def tooling_tokens_rotate(
        self,
        *,
        refresh_token: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_create(
        self,
        *,
        name: str,
        channels: Sequence[str] | str | None = ...,
        description: str | None = ...,
        handle: str | None = ...,
        include_count: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_disable(
        self,
        *,
        usergroup: str,
        include_count: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_enable(
        self,
        *,
        usergroup: str,
        include_count: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_list(
        self,
        *,
        include_count: bool | None = ...,
        include_disabled: bool | None = ...,
        include_users: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_update(
        self,
        *,
        usergroup: str,
        channels: Sequence[str] | str | None = ...,
        description: str | None = ...,
        handle: str | None = ...,
        include_count: bool | None = ...,
        name: str | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_users_list(
        self,
        *,
        usergroup: str,
        include_disabled: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def usergroups_users_update(
        self,
        *,
        usergroup: str,
        users: Sequence[str] | str,
        include_count: bool | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_conversations(
        self,
        *,
        cursor: str | None = ...,
        exclude_archived: bool | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        types: Sequence[str] | str | None = ...,
        user: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_deletePhoto(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_discoverableContacts_lookup(
        self,
        *,
        email: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_getPresence(
        self,
        *,
        user: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_identity(
        self,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_info(
        self,
        *,
        user: str,
        include_locale: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_list(
        self,
        *,
        cursor: str | None = ...,
        include_locale: bool | None = ...,
        limit: int | None = ...,
        team_id: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_lookupByEmail(
        self,
        *,
        email: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_profile_get(
        self,
        *,
        user: str | None = ...,
        include_labels: bool | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_profile_set(
        self,
        *,
        name: str | None = ...,
        value: str | None = ...,
        user: str | None = ...,
        profile: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_setPhoto(
        self,
        *,
        image: Mapping[str, Any] | str,
        crop_w: int | str | None = ...,
        crop_x: int | str | None = ...,
        crop_y: int | str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def users_setPresence(
        self,
        *,
        presence: str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def views_open(
        self,
        *,
        trigger_id: str | None = ...,
        interactivity_pointer: str | None = ...,
        view: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def views_publish(
        self,
        *,
        user_id: str,
        view: Mapping[str, Any],
        hash: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def views_push(
        self,
        *,
        trigger_id: str | None = ...,
        interactivity_pointer: str | None = ...,
        view: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def views_update(
        self,
        *,
        view: Mapping[str, Any],
        external_id: str | None = ...,
        view_id: str | None = ...,
        hash: str | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_featured_add(
        self,
        *,
        channel_id: str,
        trigger_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_featured_list(
        self,
        *,
        channel_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_featured_remove(
        self,
        *,
        channel_id: str,
        trigger_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_featured_set(
        self,
        *,
        channel_id: str,
        trigger_ids: Sequence[str] | str,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_stepCompleted(
        self,
        *,
        workflow_step_execute_id: str,
        outputs: Mapping[str, Any] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_stepFailed(
        self,
        *,
        workflow_step_execute_id: str,
        error: Mapping[str, Any],
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
    async def workflows_updateStep(
        self,
        *,
        workflow_step_edit_id: str,
        inputs: Mapping[str, Any] | None = ...,
        outputs: Sequence[Mapping[str, Any]] | None = ...,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]: ...
