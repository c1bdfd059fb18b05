using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Instructions with one response each, under the names and in the shapes that data sets give them, as instruction rows. Read
/// only.</summary>
/// <remarks>
/// The prompt is read as in <see cref="TrlPreferenceFormat"/>; the response is <c>output</c>, <c>response</c>, <c>completion</c> or
/// <c>answer</c> (Dolly, Orca, TRL's prompt-completion, GSM8K), the last
/// message of a conversation (<c>messages</c>, ShareGPT's <c>conversations</c>), or stands with its input in <c>instances</c>
/// (Self-Instruct's seed tasks; several become several rows).
/// </remarks>
internal sealed class AnsweredFormat : RowFormat<InstructionExample>
{
    /// <summary>The names of a response.</summary>
    public static readonly string[] ResponseNames = ["output", "response", "completion", "answer"];

    /// <summary>The shared instance (it has no state).</summary>
    public static AnsweredFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override InstructionExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        context.Expect(reader, JsonTokenType.StartObject);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        try
        {
            (string? id, bool number) = RowFields.Id(document.RootElement, context);
            context.RowId = id;
            return Read(document.RootElement, context) with { Id = id, IdIsNumber = number };
        }
        catch (InvalidOperationException e)
        {
            throw context.Error("a text is not valid: bytes that are not UTF-8, or half a surrogate pair. Save the file as UTF-8. "
                + e.Message);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, InstructionExample row) => InstructionFormat.Instance.Write(writer, row);

    /// <inheritdoc/>
    public override string? IdOf(InstructionExample row) => row.Id;

    internal override InstructionExample WithId(InstructionExample row, string id, RowContext context) => row with
    {
        Id = id,
        IdIsNumber = false,
    };

    internal override RowJoin<InstructionExample> StartJoin() => new Instances();

    /// <summary>Whether a field is a list of instances.</summary>
    public static bool IsInstances(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            && value.EnumerateArray().All(i => i.ValueKind == JsonValueKind.Object && i.TryGetProperty("output", out _));

    private static InstructionExample Read(JsonElement row, RowContext context)
    {
        var used = new HashSet<string>(StringComparer.Ordinal) { "id" };
        string? response = ResponseNames.FirstOrDefault(n => RowFields.Has(row, n, out _));
        string? turns = response is null
            ? PreferencePrompt.TurnNames.FirstOrDefault(n => RowFields.Has(row, n, out JsonElement v) && ChatText.IsConversation(v)) : null;
        PreferencePrompt? prompt;
        string? output;
        if (turns is not null)
        {
            used.Add(turns);
            JsonElement[] messages = ChatText.Messages(row.GetProperty(turns), turns, context);
            bool asks = ChatText.Turn(messages[^1], turns, context).Role == "user";
            output = asks ? null : ChatText.Response(row.GetProperty(turns), turns, context);
            prompt = PreferencePrompt.Of(row, asks ? messages : messages[..^1], turns, context, used);
        }
        else
        {
            prompt = PreferencePrompt.Of(row, context, used);
            output = response is null ? null : ChatText.Response(row.GetProperty(response), response, context);
            if (response is not null)
                used.Add(response);
        }

        if (prompt is null)
            throw InstructionForms.NoPrompt(row, context);
        bool instances = response is null && turns is null && row.TryGetProperty("instances", out JsonElement list) && IsInstances(list);
        if (output is null && !instances && context.Options.RequireResponse)
            throw InstructionForms.NoResponse(context);
        ExtraField[] extra = [.. row.EnumerateObject().Where(f => !used.Contains(f.Name))
            .Select(f => new ExtraField(InstructionFormat.Names.InRow(f.Name), f.Value.GetRawText()))];
        foreach (ExtraField field in prompt.Extra)
            extra = FieldNames.Add(extra, field.Name, field.Json);
        return new() { Instruction = prompt.Instruction, Input = prompt.Input ?? "", Output = output ?? "", Extra = extra };
    }

    // A row for each instance of a task.
    private sealed class Instances : RowJoin<InstructionExample>
    {
        public override IEnumerable<InstructionExample> Add(InstructionExample row)
        {
            if (row.Output.Length > 0 || row.Extra.FirstOrDefault(f => f.Name == "instances").Json is not { } json)
                return [row];
            using JsonDocument document = JsonDocument.Parse(json);
            if (!IsInstances(document.RootElement))
                return [row];
            ExtraField[] others = [.. row.Extra.Where(f => f.Name != "instances")];
            int n = document.RootElement.GetArrayLength();
            return [.. document.RootElement.EnumerateArray()
                .Select((instance, i) => Of(row, instance, others) with
                {
                    Id = n == 1 || row.Id is null ? row.Id : $"{row.Id}/{i}",
                    IdIsNumber = n == 1 && row.IdIsNumber,
                })];
        }

        private static InstructionExample Of(InstructionExample row, JsonElement instance, ExtraField[] others)
        {
            string? Text(string name) =>
                instance.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            foreach (JsonProperty field in instance.EnumerateObject())
            {
                if (field.Name is not ("input" or "output") || field.Value.ValueKind != JsonValueKind.String)
                    others = FieldNames.Add(others, field.Name, field.Value.GetRawText());
            }

            return row with { Input = Text("input") ?? row.Input, Output = Text("output") ?? "", Extra = others };
        }
    }
}
