using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The forms of ranked data by name, and which one a file has.</summary>
public static class RankedFormats
{
    private static readonly string[] ReadOnlyNames = ["answered", "helpsteer"];

    /// <summary>
    /// The forms: alpaca, alpacaeval, answered (instructions with one response under the names of Dolly, Orca, ShareGPT, chat messages,
    /// seed tasks), helpsteer, nectar, order, ranked, rrhf, trl (preference pairs, also of LLaMA-Factory, Orca and HH-RLHF), trl-chat (the
    /// same, written as messages), tuna-c, tuna-p (the paper's published data), ultrafeedback.
    /// </summary>
    public static IReadOnlyDictionary<string, RowFormat<RankedExample>> ByName { get; } =
        new SortedDictionary<string, RowFormat<RankedExample>>(StringComparer.Ordinal)
    {
        ["alpaca"] = AlpacaFormat.Instance,
        ["alpacaeval"] = AlpacaEvalFormat.Instance,
        ["answered"] = AnsweredRankedFormat.Instance,
        ["helpsteer"] = HelpSteerFormat.Instance,
        ["nectar"] = NectarFormat.Instance,
        ["order"] = OrderListFormat.Instance,
        ["ranked"] = RankedFormat.Instance,
        ["rrhf"] = new RrhfFormat(),
        ["trl"] = new TrlPreferenceFormat(),
        ["trl-chat"] = new TrlPreferenceFormat(messages: true),
        ["tuna-c"] = TunaContextualFormat.Instance,
        ["tuna-p"] = TunaProbabilisticFormat.Instance,
        ["ultrafeedback"] = new UltraFeedbackFormat(),
    };

    /// <summary>The names of the forms that can be written.</summary>
    public static IReadOnlyList<string> Writable { get; } = [.. ByName.Keys.Except(ReadOnlyNames)];

    /// <summary>The form of a file's rows, by all the fields that it needs in the first row that is valid JSON.</summary>
    /// <param name="path">The file.</param>
    /// <returns>A name in <see cref="ByName"/>.</returns>
    /// <exception cref="DataFormatException">The file is empty, or its rows have no known form; the message lists the fields
    /// found.</exception>
    public static string Detect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return DataFile.Read(path, FormOf.Instance, new() { DuplicateIds = DuplicateIds.Allow }).FirstOrDefault()
            ?? throw new DataFormatException("there is no row to tell the form by.", DataPlace.Whole(path));
    }

    /// <summary>The form of a row, or null; <see cref="FieldNames.OfFormsBefore"/> goes by the same order.</summary>
    internal static string? Find(FormFields fields)
    {
        bool list = fields.Has("output", JsonValueKind.Array);
        return fields.HasAll("chosen", "rejected") ? "trl"
            : fields.Has("instruction") && fields.HasItems("completions", "response") ? "ultrafeedback"
            : fields.Has("prompt") && fields.HasItems("answers", "answer") ? "nectar"
            : fields.HasAll("query", "responses", "scores") ? "rrhf"
            : fields.Has("orig", JsonValueKind.Object) && fields.HasAll("text", "logprob", "length") ? "tuna-p"
            : fields.HasAll("instruct", "generation", "rank") ? "tuna-c"
            : fields.HasAll("instruction", "output_1", "output_2") ? "alpacaeval"
            : fields.Has("instruction") && list && fields.Has("order", JsonValueKind.String) ? "order"
            : fields.Has("instruction") && list ? "ranked"
            : fields.HasAll("prompt", "response", "helpfulness") ? "helpsteer"
            : fields.IsUnpaired ? null
            : fields.HasAll("instruction", "output") && !fields.HasAny([.. PreferencePrompt.SystemNames, "history", "context"]) ? "alpaca"
            : InstructionForms.IsAnswered(fields) ? "answered"
            : null;
    }

    /// <summary>The form of a row.</summary>
    internal static string Detect(FormFields fields, RowContext context)
    {
        if (Find(fields) is { } form)
            return form;
        if (fields.IsUnpaired)
        {
            throw context.Error(
                "these rows are unpaired preferences (KTO): one completion with a label each, wanted or not. A ranking compares responses "
                + "to one prompt; bring the completions of a prompt together as chosen and rejected.",
                fields.Has("kto_tag") ? "kto_tag" : "label");
        }

        throw context.Error(
            $"the form of the rows is not known; this one has the fields {fields.Names}.{fields.Hint()} A form is known by all its "
                + $"fields: {Needs}.");
    }

    private const string Needs =
        "ranked (instruction, output[]), trl (chosen, rejected, a prompt), ultrafeedback (instruction, completions[]), nectar (prompt, "
        + "answers[]), helpsteer (prompt, response, helpfulness), "
        + "rrhf (query, responses, scores), alpacaeval (instruction, output_1, output_2), order (instruction, output[], order), tuna-p "
            + "(orig, text, logprob, length), tuna-c (instruct, generation, rank), "
        + "alpaca (instruction, output), answered (a prompt with response, output, completion or answer; messages; conversations; "
            + "instances)";

    /// <summary>Any of the forms, told by the first row of a reading.</summary>
    internal sealed class Any : RowFormat<RankedExample>
    {
        public static readonly Any Instance = new();

        public override RankedExample Read(ref Utf8JsonReader reader, RowContext context) =>
            RankedFormat.Instance.Read(ref reader, context);

        public override void Write(Utf8JsonWriter writer, RankedExample row) => RankedFormat.Instance.Write(writer, row);

        public override string? IdOf(RankedExample row) => row.Id;

        internal override RankedExample WithId(RankedExample row, string id, RowContext context) =>
            RankedFormat.Instance.WithId(row, id, context);

        internal override RowFormat<RankedExample> ForRows(ReadOnlySpan<byte> first, RowContext context) =>
            ByName[Detect(FormFields.Of(first, context), context)];
    }

    private sealed class FormOf : RowFormat<string>
    {
        public static readonly FormOf Instance = new();

        public override string Read(ref Utf8JsonReader reader, RowContext context)
        {
            string form = Detect(FormFields.Of(context.Raw.Span, context), context);
            reader.Skip();
            return form;
        }

        public override void Write(Utf8JsonWriter writer, string row) => throw new NotSupportedException();
    }
}
