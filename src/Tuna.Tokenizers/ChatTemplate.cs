using System.Text.Json;
using Tuna.Data.Prompts;
using Tuna.Tokenizers.Jinja;
using Tuna.Tokenizers.Json;

namespace Tuna.Tokenizers;

/// <summary>The chat template of a model: a Jinja template that writes a conversation as the text the model was trained on.</summary>
/// <remarks>
/// Renders as Transformers does (<c>apply_chat_template</c> with <c>tokenize=False</c>), or refuses: a tag, filter or test that is not
/// known is refused when the template is read, with its line. A template reaches nothing but the conversation, its variables and the clock,
/// and is stopped when it takes too long, writes too much or nests too deeply. Immutable and thread-safe.
/// </remarks>
public sealed class ChatTemplate
{
    private static readonly string[] TokenNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Body _body;
    private readonly IReadOnlyDictionary<string, string> _tokens;

    private ChatTemplate(string source, IReadOnlyDictionary<string, string> tokens)
    {
        Source = source;
        _tokens = tokens;
        _body = TemplateParser.Parse(source);
    }

    /// <summary>The template's text.</summary>
    public string Source { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="template">Its text.</param>
    /// <param name="tokens">Special tokens that it may name, such as <c>bos_token</c>; none when null.</param>
    /// <exception cref="InvalidDataException">It is no valid template; names the line.</exception>
    /// <exception cref="NotSupportedException">It uses something that is not supported; names it and the line.</exception>
    public static ChatTemplate Parse(string template, IReadOnlyDictionary<string, string>? tokens = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        return new(template, tokens ?? new Dictionary<string, string>());
    }

    /// <summary>The template of a model folder: <c>chat_template.jinja</c>, <c>chat_template.json</c> or the <c>chat_template</c> of
    /// tokenizer_config.json.</summary>
    /// <param name="folder">A Hugging Face model folder.</param>
    /// <param name="name">Which of several named templates; null is the one for plain conversations.</param>
    /// <returns>The template, or null where the folder has none.</returns>
    /// <exception cref="InvalidDataException">A file is damaged, or there is no template of the name.</exception>
    /// <exception cref="NotSupportedException">The template uses something that is not supported; names it and the line.</exception>
    public static ChatTemplate? Load(string folder, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (string? template, Dictionary<string, string> tokens) = ChatTemplateFiles.Read(folder, name, TokenNames);
        return template is null ? null : new ChatTemplate(template, tokens);
    }

    /// <summary>Writes a conversation.</summary>
    /// <param name="turns">Its turns.</param>
    /// <param name="options">What else the template is given; the defaults when null.</param>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, or cannot render it; names the line.</exception>
    public string Render(IReadOnlyList<ChatTurn> turns, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return RenderMarked(turns, options ?? new()).Text;
    }

    /// <summary>Writes a conversation whose messages have more than a role and a text: calls of tools, parts, reasoning.</summary>
    /// <param name="messages">An array of message objects.</param>
    /// <param name="options">What else the template is given; the defaults when null.</param>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, or cannot render it; names the line.</exception>
    public string Render(JsonElement messages, ChatTemplateOptions? options = null) =>
        Render(JsonValues.Of(messages), options ?? new()).Text;

    /// <inheritdoc cref="Render(object, ChatTemplateOptions)"/>
    internal (string Text, IReadOnlyList<(int Start, int End)> Assistant) RenderMarked(IReadOnlyList<ChatTurn> turns,
        ChatTemplateOptions options) => Render(new ListValue([.. turns.Select(Message)]), options);

    /// <summary>The text, and where in it the template marks what the assistant says (<c>{% generation %}</c>).</summary>
    internal (string Text, IReadOnlyList<(int Start, int End)> Assistant) Render(object? messages, ChatTemplateOptions options)
    {
        var interpreter = new Interpreter(options.Time) { Globals = Globals.All };
        var scope = new Scope();
        foreach ((string name, string token) in _tokens)
            scope.Set(name, token);
        scope.Set("tools", null);
        scope.Set("documents", null);
        foreach ((string name, JsonElement value) in options.Variables)
            scope.Set(name, JsonValues.Of(value));
        scope.Set("messages", messages);
        scope.Set("add_generation_prompt", options.AddGenerationPrompt);
        _body.Run(interpreter, new Scope(scope), interpreter.Output);
        return (interpreter.Output.ToString(), interpreter.Assistant);
    }

    private static object? Message(ChatTurn turn)
    {
        var message = new DictValue();
        message["role"] = turn.Role;
        message["content"] = turn.Content;
        return message;
    }
}
