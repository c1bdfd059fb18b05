using System.Text.Json;

namespace Tuna.Tokenizers.Json;

/// <summary>The special tokens that a post-processor puts around one text.</summary>
/// <param name="Before">Ids and names before it.</param>
/// <param name="After">Ids and names after it.</param>
internal sealed record TextFrame(IReadOnlyList<(int Id, string Name)> Before, IReadOnlyList<(int Id, string Name)> After)
{
    public static TextFrame Empty { get; } = new([], []);

    /// <summary>The frame with another around it.</summary>
    public TextFrame Inside(TextFrame outer) => new([.. outer.Before, .. Before], [.. After, .. outer.After]);
}

/// <summary>Reads the <c>post_processor</c> of tokenizer.json.</summary>
internal static class PostProcessorReader
{
    public static TextFrame Read(JsonElement element, string where)
    {
        var fields = new JsonFields(element, where);
        string type = fields.Text("type");
        TextFrame frame;
        switch (type)
        {
            case "Sequence":
                frame = TextFrame.Empty;
                int index = 0;
                foreach (JsonElement part in fields.Items("processors"))
                    frame = frame.Inside(Read(part, $"{where}.processors[{index++}]"));
                break;
            case "ByteLevel":
                fields.Ignore("add_prefix_space", "trim_offsets", "use_regex"); // they concern offsets
                frame = TextFrame.Empty;
                break;
            case "TemplateProcessing":
                frame = Template(fields);
                break;
            case "RobertaProcessing" or "BertProcessing":
                fields.Ignore("trim_offsets", "add_prefix_space");
                frame = new([Named(fields, "cls")], [Named(fields, "sep")]);
                break;
            default:
                throw fields.Unsupported($"the post-processor {type} is not supported.");
        }

        fields.Done();
        return frame;
    }

    private static TextFrame Template(JsonFields fields)
    {
        // 'pair' is for two texts at once. The other three are leftovers of ByteLevel in published files; tokenizers skips them too.
        fields.Ignore("pair", "add_prefix_space", "trim_offsets", "use_regex");
        Dictionary<string, List<(int, string)>> special = Special(fields);
        List<(int, string)> before = [], after = [];
        bool seen = false;
        int index = 0;
        foreach (JsonElement element in fields.Items("single"))
        {
            var piece = new JsonFields(element, $"{fields.Where}.single[{index++}]");
            if (piece.TryGet("Sequence", out JsonElement sequence))
            {
                var text = new JsonFields(sequence, $"{piece.Where}.Sequence");
                text.Ignore("type_id");
                if (text.Text("id") != "A" || seen)
                    throw text.Unsupported("a template for one text has the sequence A, once.");
                text.Done();
                seen = true;
            }
            else
            {
                var token = new JsonFields(piece.Required("SpecialToken"), $"{piece.Where}.SpecialToken");
                token.Ignore("type_id");
                string name = token.Text("id");
                token.Done();
                if (!special.TryGetValue(name, out List<(int, string)>? ids))
                    throw new InvalidDataException($"{token.Where}: '{name}' is not among the special_tokens.");
                (seen ? after : before).AddRange(ids);
            }

            piece.Done();
        }

        return seen ? new(before, after)
            : throw new InvalidDataException($"{fields.Where}: the template 'single' has no place for the text.");
    }

    private static Dictionary<string, List<(int, string)>> Special(JsonFields fields)
    {
        var special = new Dictionary<string, List<(int, string)>>(StringComparer.Ordinal);
        if (!fields.TryGet("special_tokens", out JsonElement list))
            return special;
        foreach (JsonProperty property in list.EnumerateObject())
        {
            var token = new JsonFields(property.Value, $"{fields.Where}.special_tokens.{property.Name}");
            token.Ignore("id");
            List<JsonElement> ids = token.Items("ids"), names = token.Items("tokens");
            token.Done();
            if (ids.Count != names.Count)
                throw new InvalidDataException($"{token.Where}: {ids.Count} ids and {names.Count} tokens; there should be as many.");
            special[property.Name] = [.. ids.Zip(names,
                (id, name) => (JsonFields.Integer(id, $"{token.Where}: an id", 0), name.GetString() ?? ""))];
        }

        return special;
    }

    private static (int Id, string Name) Named(JsonFields fields, string name)
    {
        List<JsonElement> pair = fields.Items(name);
        if (pair.Count != 2 || pair[0].ValueKind != JsonValueKind.String)
            throw new InvalidDataException($"{fields.Where}: '{name}' should be a token and its id.");
        return (JsonFields.Integer(pair[1], $"{fields.Where}: the id of '{name}'", 0), pair[0].GetString()!);
    }
}
