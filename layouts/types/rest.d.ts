// Made by `make rest-types` from our OpenAPI document by openapi-typescript. Not to be changed by hand.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Accepted: {
            accepted: number;
        };
        AlarmFigures: {
            alarms: number;
            data_since: string | null;
            desks: Record<string, never>[];
            limits: {
                [key: string]: number[];
            };
            shelved: number;
            /** Format: date-time */
            since: string;
            stale: number;
            stale_sites: number;
            /** Format: date-time */
            until: string;
        };
        AlertAnswer: {
            alert: components["schemas"]["AlertView"];
        };
        AlertList: {
            items: components["schemas"]["AlertView"][];
            next: string | null;
        };
        AlertsTaken: {
            ended: number;
            raised: number;
            rejected: string[];
        };
        AlertView: {
            acknowledged_at: string | null;
            acknowledged_by: string | null;
            acknowledged_until: string | null;
            /** Format: date-time */
            active_since: string;
            committed_at: string | null;
            condition: string;
            confidence: number | null;
            dwell: components["schemas"]["DwellTimeView"] | null;
            ended_at: string | null;
            event: number | null;
            evidence: string | null;
            follows: number | null;
            forecast: components["schemas"]["ForecastView"] | null;
            id: number;
            inhibited_by: string;
            kind: string;
            label: string;
            latched_since: string | null;
            occurrence: number;
            priority: string;
            /** Format: date-time */
            raised_at: string;
            rule: string;
            second_look: components["schemas"]["SecondLookView"] | null;
            shelved_by: string;
            shelved_until: string | null;
            site: string;
            stale_since: string | null;
            /** Format: date-time */
            started_at: string;
            state: string;
            subject: string;
            unit: string;
            value: number | null;
            vehicle: components["schemas"]["VehicleView"] | null;
            verification: string;
            version: number;
            work_order: string;
            xyxy: number[] | null;
            zone: string;
        };
        AnswerBody: {
            /** @default  */
            text: string;
        };
        AnyList: {
            items: Record<string, never>[];
            next: string | null;
        };
        ApplicationsAnswer: {
            available: Record<string, never>[];
            editable: boolean;
            items: Record<string, never>[];
            /** Format: date-time */
            since: string;
        };
        AskBody: {
            /**
             * @default again
             * @enum {string}
             */
            ring: "again" | "wider" | "everybody";
        };
        Body_enter_with_photo_api_v1_entries_post: {
            event: string;
            photo: string;
        };
        Body_inspected_api_v1_inspections_post: {
            accuracy_m: number;
            found?: string[] | null;
            lat: number;
            lon: number;
            notes?: string[] | null;
            photo?: string | null;
            place: string;
            recheck?: string[] | null;
            /** Format: date-time */
            seen_at: string;
            /** @default  */
            text: string;
        };
        Body_keep_api_v1_sites__site_id__references_post: {
            photo?: string | null;
        };
        Body_report_api_v1_tasks__task_id__report_post: {
            checked?: number[] | null;
            photo?: string | null;
            /** @default  */
            text: string;
        };
        Body_report_from_the_street_api_v1_reports_post: {
            /** @default  */
            description: string;
            kind: string;
            lat: number;
            lon: number;
            photo?: string | null;
            seen_at?: string | null;
        };
        CallBody: {
            responder: string;
        };
        CalledAnswer: {
            called: components["schemas"]["CalledView"];
        };
        CalledView: {
            answered_at: string | null;
            /** Format: date-time */
            called_at: string;
            calls: number;
            /** Format: date-time */
            due: string;
            failed: Record<string, never>[];
            missed_at: string | null;
            name: string;
            person: string;
            reached: Record<string, never>[];
            reason: string;
            stands_for: string;
            state: string;
            told_by: string;
            unit: string;
        };
        CameraTestBody: {
            camera: components["schemas"]["TestedDevice"];
        };
        CameraTested: {
            after_s: number;
            audio: boolean | null;
            cause: string;
            codec: string;
            frames_per_second: number | null;
            height: number | null;
            key_every_s: number | null;
            key_over_s: number | null;
            ok: boolean;
            picture: string | null;
            reason: string;
            substream: components["schemas"]["FoundSubstream"] | null;
            width: number | null;
        };
        CancelBody: {
            /** @default  */
            reason: string;
        };
        CardBody: {
            alerts: number[];
        };
        Cards: {
            /** Format: date-time */
            at: string;
            desk: string;
            elsewhere: number[];
            flood: Record<string, never>;
            grids: {
                [key: string]: string;
            };
            groups: unknown[][];
            last: number;
            logged: number[];
        };
        CaseSources: {
            items: Record<string, never>[];
            /** Format: date-time */
            since: string;
        };
        CaseTaken: {
            event: number;
            missing: string[];
            new: boolean;
        };
        CaseTried: {
            description: string;
            missing: string[];
            personal: Record<string, never>[];
            place_found: boolean;
            priority: string | null;
            reference: string;
            title: string;
        };
        Category: {
            /** @default [] */
            close_when: components["schemas"]["ClosingCondition"][];
            /** @default [] */
            co_handlers: string[];
            /** @default [] */
            cooperating: string[];
            en: string;
            /**
             * @default [
             *       {
             *         "percent": 50,
             *         "to": [
             *           "responder"
             *         ]
             *       },
             *       {
             *         "percent": 80,
             *         "to": [
             *           "responder",
             *           "grid_leader"
             *         ]
             *       },
             *       {
             *         "percent": 100,
             *         "to": [
             *           "section_head",
             *           "duty_officer"
             *         ]
             *       },
             *       {
             *         "percent": 150,
             *         "to": [
             *           "commander",
             *           "district"
             *         ]
             *       }
             *     ]
             */
            escalations: components["schemas"]["Escalation"][];
            /**
             * @default [
             *       "described"
             *     ]
             */
            file_when: components["schemas"]["FilingCondition"][];
            /** @default  */
            group: string;
            intake_limit?: string | null;
            kind: string;
            /** @default  */
            lead: string;
            /**
             * Format: duration
             * @default P3D
             */
            limit: string;
            /** @default false */
            normative: boolean;
            /** @default P4 */
            priority: components["schemas"]["Priority"];
            /** @default false */
            public: boolean;
            /** @default  */
            section: string;
            /** @default working */
            time: components["schemas"]["TimeKind"];
            zh: string;
        };
        CategoryAnswer: {
            category: Record<string, never>;
        };
        ChangePasswordBody: {
            current: string;
            new: string;
        };
        ChangeUserBody: {
            display_name: string;
            role: components["schemas"]["Role"];
        };
        CheckAnswer: {
            difference: Record<string, never>[];
            problems: Record<string, never>[];
        };
        CheckBody: {
            document: Record<string, never>;
        };
        ClaimBody: {
            alert: number;
            /** @default false */
            take_over: boolean;
        };
        CloseBody: {
            /** @default  */
            note: string;
        };
        ClosedRoadsView: {
            alert: number;
            lat: number;
            lines: [
                [
                    number,
                    number
                ],
                [
                    number,
                    number
                ]
            ][];
            lon: number;
            radius_m: number;
            site: string;
            travel: string[];
        };
        /** @enum {string} */
        ClosingCondition: "report_photo" | "called_back" | "resolution" | "outcome";
        CodeIssued: {
            code: string | null;
            name: string;
        };
        CommentAnswer: {
            comment: Record<string, never>;
        };
        CommentBody: {
            /**
             * @default
             * @enum {string}
             */
            part: "" | "summary" | "sensing" | "handling" | "evaluation" | "improvement";
            text: string;
        };
        ConfirmTotpBody: {
            code: string;
            /** @default  */
            label: string;
            setup: string;
        };
        CrossingBody: {
            /** @default false */
            anyway: boolean;
            /** @default  */
            reason: string;
        };
        DeclineBody: {
            /** @default  */
            reason: string;
        };
        DispatchBody: {
            /** @default false */
            anyway: boolean;
            responder?: string | null;
        };
        DraftAsked: {
            id: number | null;
            since: string;
            sites: string[];
            until: string;
        };
        DraftBody: {
            document: Record<string, never>;
            /** @default 1 */
            hours: number;
            until?: string | null;
        };
        DrillState: {
            /** Format: date-time */
            at: string;
            earlier: Record<string, never>[];
            running: Record<string, never> | null;
            waits: boolean;
        };
        DwellTimeView: {
            /** Format: date-time */
            as_of: string;
            at_least_s: number;
            at_most_s: number | null;
            unseen: [
                string,
                string
            ][];
            unseen_s: number;
        };
        Ended: {
            ended: number;
        };
        EndSessionBody: {
            id: string;
        };
        EnrolBody: {
            code: string;
        };
        Escalation: {
            percent: number;
            to: string[];
        };
        EventAnswer: {
            event: components["schemas"]["EventView"];
        };
        EventBody: {
            /** @default  */
            description: string;
            /** @default  */
            grid: string;
            kind: string;
            limit?: string | null;
            location: components["schemas"]["Location"];
            priority?: components["schemas"]["Priority"] | null;
            /** @default {} */
            reporter: {
                [key: string]: string;
            };
            /** @default  */
            site: string;
            /** @default  */
            title: string;
        };
        EventList: {
            items: components["schemas"]["EventView"][];
            next: string | null;
        };
        EventView: {
            clocks: Record<string, never>[];
            closed_at: string | null;
            closed_by: string | null;
            co_handlers: string[];
            cooperating: string[];
            description: string;
            grid: string;
            holders: string[];
            id: number;
            kind: string;
            lead: string;
            location: components["schemas"]["Location"];
            /** Format: date-time */
            opened_at: string;
            origin: string;
            photo: string | null;
            priority: string;
            recurs: number | null;
            section: string;
            site: string;
            state: string;
            title: string;
            version: number;
        };
        ExportsView: {
            at_once: number;
            may_wait: number;
            own: number;
            own_at_most: number;
            running: number;
            waiting: number;
        };
        /** @enum {string} */
        FilingCondition: "described" | "photo" | "in_a_grid" | "reporter_known";
        FindingView: {
            key: string;
            part: string;
            state: string;
            values: Record<string, never>;
        };
        ForecastView: {
            /** Format: date-time */
            as_of: string;
            at_least_s: number;
            at_most_s: number;
            level: number;
            limit: number;
            margin_s: number;
            monitor: string;
            outcome: string;
            rise: number;
            travel: components["schemas"]["TravelView"];
            unit: string;
        };
        ForgetBody: {
            endpoint: string;
        };
        FoundSubstream: {
            answers: boolean;
            height: number | null;
            url: string;
            width: number | null;
        };
        GaugeTestBody: {
            gauge: components["schemas"]["TestedDevice"];
        };
        GaugeTested: {
            after_s: number;
            cause: string;
            excerpt: string;
            ok: boolean;
            readings: components["schemas"]["TestedReading"][];
            reason: string;
        };
        HandBody: {
            /** @default  */
            code: string;
            name: string;
            password: string;
        };
        HandLent: {
            display_name: string;
            expires_at: string;
            grant: string;
            name: string;
        };
        HandoverAnswer: {
            handover: components["schemas"]["HandoverView"];
        };
        HandoverStanding: {
            /** Format: date-time */
            at: string;
            next: Record<string, never>[];
            next_change: string | null;
            on_duty: Record<string, never>[];
            open: components["schemas"]["HandoverView"] | null;
            overdue: Record<string, never> | null;
        };
        HandoverView: {
            /** Format: date-time */
            begun_at: string;
            begun_by: string;
            change: string | null;
            digest: string;
            id: number;
            incoming: Record<string, never> | null;
            notes: Record<string, never>[];
            outgoing: Record<string, never> | null;
            /** Format: date-time */
            since: string;
            state: string;
            steps: Record<string, never>[];
            version: number;
        };
        HandoverWhole: {
            fresh: {
                [key: string]: Record<string, never>[];
            } | null;
            handover: components["schemas"]["HandoverView"];
            intact: boolean;
            items: Record<string, never> | null;
            sha256: string;
        };
        HealthView: {
            items: components["schemas"]["FindingView"][];
            ready: boolean;
        };
        HereView: {
            grid: string;
            grid_name: string;
            lat: number;
            lon: number;
            plausible: boolean;
            site: string;
            site_m: number | null;
            site_name: string;
            streets: string[];
        };
        ImportBody: {
            form: string;
            text: string;
        };
        Imported: Record<string, never>;
        InspectionRoute: {
            distance_m: number;
            left_out: number;
            map: Record<string, never> | null;
            name: string;
            person: string;
            stops: Record<string, never>[];
            travel_s: number;
        };
        InspectionsAnswer: {
            inspections: components["schemas"]["InspectionView"][];
        };
        InspectionStanding: {
            days: number;
            grids: Record<string, never>[];
            hazards: {
                [key: string]: number;
            };
            more_overdue: number;
            overdue: Record<string, never>[];
            repeats: Record<string, never>[];
            /** Format: date-time */
            since: string;
            types: Record<string, never>[];
            whole: {
                [key: string]: number;
            };
        };
        InspectionView: {
            distance_m: number | null;
            done_at: string | null;
            done_by: string;
            /** Format: date-time */
            due: string;
            event: number | null;
            findings: Record<string, never>[];
            grid: string;
            id: number;
            inspected_place: string;
            location: components["schemas"]["Location"];
            name: string;
            note: string;
            /** Format: date-time */
            opens: string;
            overdue_at: string | null;
            photo: string | null;
            reason: string;
            state: string;
            type: string;
            version: number;
        };
        LeftAnswer: {
            left: number;
        };
        Load: {
            cameras: Record<string, never>[];
            processes: Record<string, never>[];
        };
        Location: {
            lat: number;
            lon: number;
        };
        Me: {
            csrf: string | null;
            display_name: string;
            may: string[];
            name: string;
            role: string;
        };
        MeasureBody: {
            /** Format: date */
            due: string;
            /** @default  */
            owner: string;
            text: string;
            /** @default  */
            unit: string;
        };
        MomentView: {
            share: number;
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            until: string;
        };
        MotionView: {
            changed: components["schemas"]["SpanView"][];
            moments: components["schemas"]["MomentView"][];
            /** Format: date-time */
            since: string;
            site: string;
            total: number;
            unseen: components["schemas"]["SpanView"][];
            /** Format: date-time */
            until: string;
        };
        MoveBody: {
            /** @default  */
            reason: string;
        };
        Named: {
            name: string;
        };
        NamedPlace: {
            grid: string;
            id: string;
            kind: string;
            lat: number;
            lon: number;
            name: string;
        };
        NewPasskeyBody: {
            credential: Record<string, never>;
            /** @default  */
            label: string;
        };
        NewUserBody: {
            /** @default  */
            display_name: string;
            name: string;
            role: components["schemas"]["Role"];
        };
        NoteBody: {
            /** @default  */
            item: string;
            text: string;
        };
        Nothing: Record<string, never>;
        NoticeAnswer: {
            notice: Record<string, never>;
        };
        OrderBody: {
            level?: ("blue" | "yellow" | "orange" | "red") | null;
            /** @default  */
            reason: string;
        };
        OutOfServiceBody: {
            /** @default  */
            reason: string;
            work_order: string;
        };
        OwnAccount: {
            display_name: string;
            has_password: boolean;
            must_enrol: boolean;
            name: string;
            role: string;
            second_factor: Record<string, never>;
            sessions: Record<string, never>[];
        };
        /** @enum {string} */
        Part: "lead" | "co_handler" | "cooperating";
        PasskeyOptions: {
            challenge: string;
            rp: Record<string, never>;
            user: Record<string, never>;
        };
        PasswordBody: {
            password: string;
        };
        PersonalDataAnswer: {
            values: {
                [key: string]: string;
            }[];
        };
        PlaceList: {
            items: components["schemas"]["NamedPlace"][];
            next: string | null;
        };
        PlanAnswer: {
            id: string;
            runs: Record<string, never>[];
        };
        PositionBody: {
            at?: string | null;
            lat: number;
            lon: number;
        };
        PositionKept: {
            kept: boolean;
        };
        /** @enum {string} */
        Priority: "P1" | "P2" | "P3" | "P4";
        Problem: {
            detail: string;
            /** @default null */
            errors: Record<string, never>[] | null;
            /** @default null */
            instance: string | null;
            /** @default null */
            request_id: string | null;
            status: number;
            title: string;
            type: string;
            /** @default null */
            words: components["schemas"]["RefusalWords"] | null;
        };
        PushCount: {
            browsers: number;
        };
        PushState: {
            browsers: number;
            public_key: string | null;
        };
        PushSubscription: {
            auth: string;
            endpoint: string;
            p256dh: string;
        };
        ReassignBody: {
            /** @default  */
            reason: string;
            responder?: string | null;
            /** @default  */
            unit: string;
        };
        RecoveryAnswer: {
            recovery_codes: string[];
        };
        ReferenceView: {
            path: string;
        };
        RefusalWords: {
            key: string;
            values: {
                [key: string]: string | number | null;
            };
        };
        RejectList: {
            items: components["schemas"]["RejectSourceView"][];
            next?: null;
        };
        RejectReasonView: {
            count: number;
            example: string;
            /** Format: date-time */
            last_at: string;
            reason: string;
        };
        RejectSourceView: {
            count: number;
            /** Format: date-time */
            last_at: string;
            monitor: string;
            reasons: components["schemas"]["RejectReasonView"][];
            site: string;
        };
        ReleaseBody: {
            alert: number;
        };
        RemovedShift: {
            removed: number;
        };
        RemovedUnit: {
            removed: string;
        };
        RemoveFactorBody: {
            id: number;
            password: string;
        };
        ResetPasswordBody: {
            code: string;
            new: string;
        };
        ResponderView: {
            busy: boolean | null;
            grid: string;
            id: string;
            name: string;
            on_shift: boolean;
            position: components["schemas"]["Location"] | null;
            position_at: string | null;
            skills: string[];
            team: string;
            travel: string;
        };
        RestoreBody: {
            base_version?: number | null;
            /** @default  */
            note: string;
        };
        ReviewAnswer: {
            review: components["schemas"]["ReviewView"];
        };
        ReviewBody: {
            number?: number | null;
            since?: string | null;
            /** @default  */
            title: string;
            topic: components["schemas"]["ReviewTopic"];
            until?: string | null;
        };
        ReviewList: {
            items: components["schemas"]["ReviewView"][];
            next: string | null;
        };
        /** @enum {string} */
        ReviewPart: "summary" | "sensing" | "handling" | "evaluation" | "improvement";
        /** @enum {string} */
        ReviewTopic: "event" | "alert" | "plan_run" | "span";
        ReviewView: {
            event: number | null;
            id: number;
            kind: string;
            /** @default  */
            label: string;
            made_at: string;
            made_by: string;
            newest: number;
            priority: string | null;
            /** @default  */
            rule: string;
            sha256: string | null;
            signed: number | null;
            signed_at: string | null;
            signed_by: string | null;
            /** @default  */
            signed_by_name: string;
            since: string | null;
            site: string;
            state: string;
            subject: string;
            title: string;
            topic: string;
            until: string | null;
            version: number;
        };
        /** @enum {string} */
        Role: "operator" | "duty_officer" | "section_head" | "commander" | "grid_leader" | "responder" | "analyst" | "administrator" | "wall" | "source";
        /** @enum {string} */
        RollAnswer: "present" | "unable";
        RollCallAnswer: {
            roll_call: components["schemas"]["RollCallView"];
        };
        RollCallBody: {
            /**
             * Format: duration
             * @default PT5M
             */
            answer_within: string;
            /** @default true */
            ladder: boolean;
            /** @default [] */
            people: string[];
            /** @default [] */
            plans: string[];
            /** @default [] */
            roles: components["schemas"]["Role"][];
            /** @default  */
            template: string;
            /** @default  */
            text: string;
            title: string;
            /** @default [] */
            units: string[];
        };
        RollCallChoices: {
            channels: string[];
            people: Record<string, never>[];
            plans: Record<string, never>[];
            roles: string[];
            templates: Record<string, never>[];
            units: Record<string, never>[];
        };
        RollCallView: {
            answer_within_s: number;
            channels: string[];
            closed_at: string | null;
            id: number;
            ladder: boolean;
            /** Format: date-time */
            ordered_at: string;
            ordered_by: string;
            steps: Record<string, never>[];
            template: string;
            text: string;
            title: string;
            version: number;
        };
        RollCallWhole: {
            counts: {
                [key: string]: number;
            };
            people: components["schemas"]["CalledView"][];
            roll_call: components["schemas"]["RollCallView"];
        };
        RuleChangeBody: {
            rule: string;
            setting: string;
            site: string;
            value: number | string;
        };
        RuleSetting: {
            description: string;
            /** @enum {string} */
            kind: "number" | "duration";
            name: string;
            value: number | string | null;
        };
        RuleSettings: {
            kind: string;
            rule: string;
            settings: components["schemas"]["RuleSetting"][];
            site: string;
            title: string;
        };
        RunAnswer: {
            run: Record<string, never>;
        };
        SaidBody: {
            answer: components["schemas"]["RollAnswer"];
            /** @default  */
            person: string;
            /** @default  */
            reason: string;
        };
        SaveBody: {
            base_version: number;
            document: Record<string, never>;
            /** @default  */
            note: string;
        };
        SchemaAnswer: Record<string, never>;
        ScreenAllowed: {
            code: string;
            expires_at: string;
            name: string;
        };
        ScreenBody: {
            /** @default  */
            display_name: string;
            name: string;
        };
        SearchView: {
            alerts: components["schemas"]["AlertView"][];
            events: components["schemas"]["EventView"][];
        };
        SecondLookView: {
            instead: string;
            label: string;
            magnify: number;
            score: number;
            scores: number[];
            verdict: string;
            waited_s: number;
        };
        SendBody: {
            /** @default false */
            anyway: boolean;
            responder: string;
        };
        /** @enum {string} */
        Sends: "observation" | "alert" | "position" | "warning" | "case";
        SettingsView: {
            at: string | null;
            document: Record<string, never>;
            machine_keys: string[];
            mode: string;
            newest: number;
            note: string;
            schema_url: string;
            trouble: string;
            version: number;
            who: string;
        };
        Setup: {
            inference: Record<string, never>;
            sites: Record<string, never>[];
        };
        SeveralBody: {
            alerts: number[];
        };
        ShelveBody: {
            /** @default false */
            anyway: boolean;
            minutes?: number | null;
            /** @default  */
            reason: string;
            until?: string | null;
        };
        ShiftAnswer: {
            shift: Record<string, never>;
        };
        ShiftBody: {
            /** Format: date-time */
            begins: string;
            /** @default  */
            duty: string;
            /** Format: date-time */
            ends: string;
            person: string;
            unit: string;
        };
        ShowBody: {
            reason: string;
        };
        SiteBody: {
            base_version: number;
            /** @default  */
            note: string;
            site: Record<string, never>;
        };
        SitePartsBody: {
            base_version: number;
            /** @default  */
            note: string;
        };
        SiteView: {
            camera: boolean;
            grid: string;
            health: string;
            id: string;
            location: components["schemas"]["Location"];
            name: string;
            readings: Record<string, never>[];
            rules: Record<string, never>[];
            zones: Record<string, never>[];
        };
        SpanView: {
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            until: string;
        };
        StepBody: {
            co_handlers?: string[] | null;
            cooperating?: string[] | null;
            /** @default  */
            district: string;
            event?: number | null;
            every?: string | null;
            lead?: string | null;
            limit?: string | null;
            /** @default  */
            minutes: string;
            more?: string | null;
            priority?: components["schemas"]["Priority"] | null;
            /** @default true */
            reached: boolean;
            /** @default  */
            reason: string;
            satisfied?: boolean | null;
            score?: number | null;
            section?: string | null;
            /** @default {} */
            shares: {
                [key: string]: string;
            };
            /** @default  */
            title: string;
            /** @default [] */
            topics: components["schemas"]["TopicBody"][];
            /** @default  */
            unit: string;
        };
        SurroundingsView: {
            closed: components["schemas"]["ClosedRoadsView"][];
            place: components["schemas"]["Location"];
            ways: components["schemas"]["WayView"][];
        };
        TaskAnswer: {
            task: components["schemas"]["TaskView"];
        };
        TaskBody: {
            /** @default [] */
            checklist: string[];
            /** @default false */
            needs_photo: boolean;
            /** @default co_handler */
            part: components["schemas"]["Part"];
            promised?: string | null;
            responder?: string | null;
            /** @default  */
            title: string;
            /** @default  */
            unit: string;
        };
        TaskList: {
            items: components["schemas"]["TaskView"][];
            next: string | null;
        };
        TaskView: {
            accepted_at: string | null;
            alert: number | null;
            also_offered: string[];
            cancelled_at: string | null;
            candidates: Record<string, never>[];
            checked: number[];
            checklist: string[];
            closed_at: string | null;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            en_route_at: string | null;
            event: number;
            grid: string;
            id: number;
            location: components["schemas"]["Location"];
            needs_photo: boolean;
            offered_to: string | null;
            on_scene_at: string | null;
            priority: string;
            promised: string | null;
            report_photo: string | null;
            report_text: string;
            reported_at: string | null;
            responder: string | null;
            role: string;
            site: string;
            state: string;
            steps: Record<string, never>[];
            title: string;
            unaccepted_since: string | null;
            unit: string;
            verified_at: string | null;
            verified_by: string | null;
            version: number;
        };
        TestedDevice: {
            kind: string;
        };
        TestedReading: {
            at: string;
            quantity: string;
            unit: string;
            value: number;
        };
        /** @enum {string} */
        TimeKind: "working" | "calendar";
        TokenBody: {
            /** @default 365 */
            days: number | null;
            highest?: components["schemas"]["Priority"] | null;
            /** @default [] */
            kinds: components["schemas"]["Sends"][];
            label: string;
            /** @default [] */
            quantities: string[];
            /** @default [] */
            sites: string[];
            /** @default [] */
            sources: string[];
        };
        TokenIssued: {
            expires_at: string | null;
            id: string;
            name: string;
            token: string;
        };
        TopicBody: {
            department: string;
            /** @default co_handler */
            part: components["schemas"]["Part"];
            /** Format: date */
            promised: string;
            title: string;
        };
        TotpAnswer: {
            qr: string;
            secret: string;
            setup: string;
            uri: string;
        };
        TravelView: {
            road: boolean;
            skill: string;
            travel_s: number;
            who: string;
        };
        TrendsView: {
            cut: boolean;
            days: string[];
            few: number;
            grids: components["schemas"]["TrendView"][];
            timezone: string;
            units: components["schemas"]["TrendView"][];
            whole: components["schemas"]["TrendView"];
        };
        TrendView: {
            accept_s: (number | null)[];
            accept_s_n: number[];
            acknowledge_s: (number | null)[];
            acknowledge_s_n: number[];
            alerts: number[];
            answered: number[];
            closed: number[];
            handled: number[];
            /** @default  */
            id: string;
            late: number[];
            /** @default  */
            name: string;
            on_scene_s: (number | null)[];
            on_scene_s_n: number[];
            opened: number[];
            overdue_now: number;
            satisfied: number[];
            total: {
                [key: string]: number | null;
            };
        };
        TrialBody: {
            mapping?: Record<string, never> | null;
            sample: unknown;
            /** @default  */
            source: string;
        };
        UnitAnswer: {
            unit: Record<string, never>;
        };
        UnitBody: {
            /** @default  */
            code: string;
            /** @default {} */
            contact: {
                [key: string]: string;
            };
            kind: components["schemas"]["UnitKind"];
            /** @default  */
            leader: string;
            location?: components["schemas"]["Location"] | null;
            name: string;
            outline?: Record<string, never> | null;
            /** @default  */
            parent: string;
            /** @default [] */
            people: string[];
            /** @default false */
            platform: boolean;
            /** @default 0 */
            posts: number;
            /** @default [] */
            powers: string[];
            /** @default  */
            section: string;
            /** @default [] */
            vehicles: string[];
        };
        /** @enum {string} */
        UnitKind: "district" | "street" | "community" | "grid" | "section" | "post" | "joint_duty" | "department" | "external";
        VehicleList: {
            items: components["schemas"]["VehiclePosition"][];
            next: string | null;
        };
        VehiclePosition: {
            /** Format: date-time */
            at: string;
            heading: number | null;
            lat: number;
            lon: number;
            site: string;
            speed_kmh: number | null;
            vehicle: string;
        };
        VehicleView: {
            earlier: number;
            last_at: string | null;
            lat: number;
            lon: number;
            permit: string;
            permit_until: string | null;
            plate: string;
            speed_kmh: number | null;
        };
        VerifyBody: {
            /** @default  */
            text: string;
        };
        VersionAnswer: {
            at: string;
            difference: Record<string, never>[];
            hash: string;
            note: string;
            restored: number | null;
            version: number;
            who: string;
        };
        VersionBody: {
            base: number;
            measures?: components["schemas"]["MeasureBody"][];
            /** @default  */
            note: string;
            texts?: {
                [key: string]: string;
            };
        };
        ViewLearned: {
            /** Format: date-time */
            at: string;
            site: string;
        };
        WarningList: {
            items: Record<string, never>[];
            next: number | null;
        };
        WarningTaken: {
            known: boolean;
            warning: Record<string, never> | null;
            warnings: Record<string, never>[];
        };
        WarningWhole: {
            areas: Record<string, never>[];
            warning: Record<string, never>;
        };
        WayView: {
            distance_m: number;
            going: boolean;
            method: string;
            path: [
                number,
                number
            ][];
            responder: string;
            travel: string;
            travel_s: number;
        };
        web__api__case_bodies__ReasonBody: {
            /** @default  */
            reason: string;
        };
        web__api__handovers__ReasonBody: {
            reason: string;
            version: number;
        };
        web__api__handovers__SignBody: {
            /** @default  */
            password: string;
            version: number;
        };
        web__api__reviews__SignBody: {
            version: number;
        };
        WhatIfAnswer: {
            answer: Record<string, never> | null;
            error: string;
            id: number;
            /** @enum {string} */
            state: "waiting" | "done" | "refused";
        };
        WhatIfAsked: {
            id: number;
        };
        WhatIfBody: {
            /** @default [] */
            changes: components["schemas"]["RuleChangeBody"][];
            /** Format: date-time */
            since: string;
            /** @default [] */
            sites: string[];
            /** Format: date-time */
            until: string;
            /** @default [] */
            without: string[];
            /** @default [] */
            zones: components["schemas"]["ZoneChangeBody"][];
        };
        WhatIfChoices: {
            responders: {
                [key: string]: string;
            }[];
            rules: components["schemas"]["RuleSettings"][];
            zones: components["schemas"]["ZoneOutline"][];
        };
        WholeReview: {
            comments: Record<string, never>[];
            may: string[];
            measures: Record<string, never>[];
            number: number;
            report: Record<string, never>;
            review: components["schemas"]["ReviewView"];
            texts: {
                [key: string]: string;
            };
            versions: Record<string, never>[];
        };
        ZoneChangeBody: {
            polygon: [
                number,
                number
            ][];
            site: string;
            zone: string;
        };
        ZoneOutline: {
            looked_into: string[];
            polygon: [
                number,
                number
            ][];
            rules: string[];
            site: string;
            zone: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
